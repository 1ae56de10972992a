package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
)

// How long certificates last.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// A new authority is made when the newest has less left than this.
	authorityRenew = 365 * 24 * time.Hour
	// A new authority signs the server's certificate only when it is this old: by
	// then every agent has renewed its certificate and got the new authority with it.
	authoritySettles = 90 * 24 * time.Hour
	agentLife        = 30 * 24 * time.Hour
	// The server's certificate is made anew while it is good for another 35 days: who
	// watches the port is never warned of its end.
	serverLife  = 75 * 24 * time.Hour
	serverRenew = 35 * 24 * time.Hour
	// backdate allows for clocks that differ.
	backdate = time.Hour
	// maxRequestBytes bounds a certificate request.
	maxRequestBytes = 16 << 10
)

// authority is one signing key with its certificate.
type authority struct {
	cert    *x509.Certificate
	pem     string
	key     *ecdsa.PrivateKey
	created time.Time
}

// authorities are those that are trusted now, the oldest first.
type authorities struct {
	mu     sync.RWMutex
	all    []authority
	server *tls.Certificate
	until  time.Time
}

type authorityRow struct {
	bun.BaseModel `bun:"agent_authorities"`

	ID          string    `bun:"id,pk"`
	Certificate string    `bun:"certificate"`
	SealedKey   string    `bun:"sealed_key"`
	CreatedAt   time.Time `bun:"created_at"`
	NotAfter    time.Time `bun:"not_after"`
}

// refresh reads the authorities, and makes one when there is none or the newest is
// about to end.
func (a *authorities) refresh(ctx context.Context, d *db.DB, box *secret.Box) error {
	var all []authority
	err := d.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		var rows []authorityRow
		if err := tx.NewSelect().Model(&rows).Where("not_after > ?", tx.Now()).OrderExpr("created_at, id").Scan(ctx); err != nil {
			return err
		}
		all = all[:0]
		for _, r := range rows {
			x, err := r.open(box)
			if err != nil {
				return err
			}
			all = append(all, x)
		}
		if n := len(rows); n > 0 && rows[n-1].NotAfter.Sub(tx.Now()) >= authorityRenew {
			return nil
		}
		x, r, err := newAuthority(tx.Now(), box)
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
			return err
		}
		all = append(all, x)
		return audit.Write(ctx, tx, audit.Change{Action: "agent_authority.create", Ref: entity.Ref{Kind: "agent_authority", ID: r.ID}, Name: x.cert.Subject.CommonName, After: map[string]any{"not_after": r.NotAfter}})
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all, a.server = all, nil
	return nil
}

func (r authorityRow) open(box *secret.Box) (authority, error) {
	cert, err := parsePEM(r.Certificate)
	if err != nil {
		return authority{}, err
	}
	text, err := box.Open(r.SealedKey)
	if err != nil {
		return authority{}, errs.Wrap(errs.Unavailable, err, "The key of the authority for agents cannot be opened. Restore the key file of the server from a backup.")
	}
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		return authority{}, errs.New(errs.Unavailable, "The key of the authority for agents is damaged.")
	}
	key, err := x509.ParseECPrivateKey(b.Bytes)
	if err != nil {
		return authority{}, err
	}
	return authority{cert: cert, pem: r.Certificate, key: key, created: r.CreatedAt}, nil
}

func newAuthority(now time.Time, box *secret.Box) (authority, authorityRow, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, authorityRow{}, err
	}
	aid := id.New()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Mainstay agents " + now.Format("2006-01-02")},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife), BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return authority{}, authorityRow{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, authorityRow{}, err
	}
	kb, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return authority{}, authorityRow{}, err
	}
	sealed, err := box.Seal(string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb})))
	if err != nil {
		return authority{}, authorityRow{}, err
	}
	text := certPEM(der)
	return authority{cert: cert, pem: text, key: key, created: now}, authorityRow{ID: aid, Certificate: text, SealedKey: sealed, CreatedAt: now, NotAfter: cert.NotAfter}, nil
}

// bundle is what agents trust: all authorities, PEM.
func (a *authorities) bundle() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var b strings.Builder
	for _, x := range a.all {
		b.WriteString(x.pem)
	}
	return b.String()
}

func (a *authorities) pool() *x509.CertPool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	p := x509.NewCertPool()
	for _, x := range a.all {
		p.AddCert(x.cert)
	}
	return p
}

// newest signs agents.
func (a *authorities) newest() (authority, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.all) == 0 {
		return authority{}, errs.New(errs.Unavailable, "The authority for agents is not ready yet. Try again in a moment.")
	}
	return a.all[len(a.all)-1], nil
}

// settled signs the server's certificate: the newest that every agent knows.
func settled(all []authority, now time.Time) authority {
	for _, x := range slices.Backward(all) {
		if now.Sub(x.created) >= authoritySettles {
			return x
		}
	}
	return all[0]
}

// signAgent makes a certificate for the key in csr. Nothing but the key is taken
// from the request: the agent is who the server says.
func (a *authorities) signAgent(csrPEM, agentID string, now time.Time) (certificate, serialText string, notAfter time.Time, err error) {
	bad := func(msg string) error { return errs.Fields(errs.Field{Path: "csr", Message: msg}) }
	if len(csrPEM) > maxRequestBytes {
		return "", "", time.Time{}, bad("is longer than 16 KiB")
	}
	b, _ := pem.Decode([]byte(csrPEM))
	if b == nil || b.Type != "CERTIFICATE REQUEST" {
		return "", "", time.Time{}, bad("must be a certificate request in PEM")
	}
	req, err := x509.ParseCertificateRequest(b.Bytes)
	if err != nil || req.CheckSignature() != nil {
		return "", "", time.Time{}, bad("is not a certificate request that its key has signed")
	}
	key, ok := req.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return "", "", time.Time{}, bad("must hold an ECDSA key of the curve P-256")
	}
	ca, err := a.newest()
	if err != nil {
		return "", "", time.Time{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: agentID}, NotBefore: now.Add(-backdate), NotAfter: now.Add(agentLife).Truncate(time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, key, ca.key)
	if err != nil {
		return "", "", time.Time{}, err
	}
	return certPEM(der), t.SerialNumber.Text(16), t.NotAfter, nil
}

// serverCertificate gives the certificate of the agents' port, made anew in
// time. hosts are names and addresses it is good for.
func (a *authorities) serverCertificate(now time.Time, hosts []string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server != nil && a.until.Sub(now) > serverRenew {
		return a.server, nil
	}
	if len(a.all) == 0 {
		return nil, errs.New(errs.Unavailable, "The authority for agents is not ready yet.")
	}
	ca := settled(a.all, now)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Mainstay"}, NotBefore: now.Add(-backdate), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if h != "" {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return nil, err
	}
	a.server, a.until = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, t.NotAfter
	return a.server, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

func certPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func parsePEM(text string) (*x509.Certificate, error) {
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		return nil, fmt.Errorf("not a PEM certificate")
	}
	return x509.ParseCertificate(b.Bytes)
}

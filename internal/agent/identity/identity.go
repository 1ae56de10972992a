package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// file holds everything in one, so that key and certificate are replaced together.
const file = "identity.json"

// Identity is what an enrolled agent has.
type Identity struct {
	AgentID string `json:"agent_id"`
	// Item is the name of the host's item on the server.
	Item string `json:"item"`
	// URL is the agents' port.
	URL string `json:"url"`
	// Key, Certificate and CA are PEM.
	Key         string             `json:"key"`
	Certificate string             `json:"certificate"`
	CA          string             `json:"ca"`
	Settings    agentwire.Settings `json:"settings"`

	pair tls.Certificate
	pool *x509.CertPool
}

// Load reads the identity in dir. The error is errs.NotFound when there is none.
func Load(dir string) (*Identity, error) {
	b, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "This host is not enrolled (there is no %s in %s). Run: mainstay agent enroll --url URL --token TOKEN", file, dir)
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The identity of the agent in %s cannot be read.", dir)
	}
	var i Identity
	if err := json.Unmarshal(b, &i); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The identity of the agent in %s is damaged. Enroll again.", dir)
	}
	return &i, i.prepare()
}

// prepare checks that the parts belong together.
func (i *Identity) prepare() error {
	pair, err := tls.X509KeyPair([]byte(i.Certificate), []byte(i.Key))
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The certificate does not belong to the key of this agent.")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(i.CA)) {
		return errs.New(errs.Invalid, "The authorities that the server sent hold no certificate.")
	}
	i.pair, i.pool = pair, pool
	return nil
}

// save replaces the file at once; a crash leaves the old or the new one.
func (i *Identity) save(dir string) error {
	b, err := json.MarshalIndent(i, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, file)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The identity of the agent cannot be written to %s.", dir)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The identity of the agent cannot be written to %s.", dir)
	}
	return nil
}

// TLS is the configuration for the agents' port: the own certificate, and trust in the
// authorities of the server alone.
func (i *Identity) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.pair}, RootCAs: i.pool}
}

// NotAfter is the end of the certificate.
func (i *Identity) NotAfter() time.Time { return i.pair.Leaf.NotAfter }

// RenewAt is when to ask for a new certificate: at two thirds of its life.
func (i *Identity) RenewAt() time.Time {
	from := i.pair.Leaf.NotBefore
	return from.Add(i.pair.Leaf.NotAfter.Sub(from) * 2 / 3)
}

// newKey makes an ECDSA P-256 key and a request for a certificate, both PEM.
func newKey(hostname string) (key, csr string, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		return "", "", err
	}
	req, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: hostname[:min(len(hostname), 64)]}}, k)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: req})), nil
}

package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// maxSkew is how far the clocks may differ at an enrolment; a certificate that seems
// to begin in the future is of no use.
const maxSkew = 5 * time.Minute

// Trust says how the server's normal address is recognized when its certificate is not
// of a public authority. Both empty means the authorities of the system.
type Trust struct {
	// CAFile is a PEM file of authorities.
	CAFile string
	// Fingerprint is the SHA-256 of the server's certificate in hex.
	Fingerprint string
}

func (t Trust) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		b, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", t.CAFile)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, errs.New(errs.Invalid, "The file %s holds no certificate in PEM.", t.CAFile)
		}
	}
	if t.Fingerprint != "" {
		want, err := hex.DecodeString(strings.ReplaceAll(t.Fingerprint, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, errs.New(errs.Invalid, "The fingerprint must be the SHA-256 of the certificate: 64 hexadecimal digits.")
		}
		// The fingerprint names the one certificate that is right, so no chain is needed.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			got := sha256.Sum256(s.PeerCertificates[0].Raw)
			if !bytes.Equal(got[:], want) {
				return errFingerprint
			}
			return nil
		}
	}
	return c, nil
}

var errFingerprint = errors.New("the certificate has another fingerprint")

// Enroll makes a key in dir, asks the server at base for a certificate with a one-time
// token, and keeps what it answers. An enrolled host must not lose its identity by
// accident, so again must be true to replace one.
func Enroll(ctx context.Context, dir, base string, trust Trust, again bool, in agentwire.EnrollRequest) (*Identity, error) {
	return EnrollAt(ctx, agentwire.EnrollPath, dir, base, trust, again, in)
}

// EnrollAt is Enroll at another path of the server.
func EnrollAt(ctx context.Context, path, dir, base string, trust Trust, again bool, in agentwire.EnrollRequest) (*Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The folder %s cannot be made.", dir)
	}
	if old, err := Load(dir); err == nil && !again {
		return nil, errs.New(errs.Conflict, "This host is enrolled already as %s. Give --again to replace that.", old.Item)
	}
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errs.New(errs.Invalid, "%q is not the address of a server, such as https://mainstay.example.org.", base)
	}
	conf, err := trust.config()
	if err != nil {
		return nil, err
	}
	key, csr, err := newKey(in.Hostname)
	if err != nil {
		return nil, err
	}
	in.CSR = csr
	var out agentwire.EnrollResponse
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment}}
	defer c.CloseIdleConnections()
	skew, err := Post(ctx, c, u.String()+path, in, &out)
	if skew.Abs() > maxSkew {
		return nil, errs.Wrap(errs.Invalid, err, "The clock of this host differs from the server's by %s. Set it right, then enroll again.", skew.Round(time.Second))
	}
	if err != nil {
		return nil, err
	}
	i := &Identity{AgentID: out.AgentID, Item: out.Item, URL: strings.TrimRight(out.URL, "/"), Key: key, Certificate: out.Certificate, CA: out.CA, Settings: out.Settings}
	if err := i.prepare(); err != nil {
		return nil, err
	}
	return i, i.save(dir)
}

// Renew asks for a certificate for a new key, over a connection with the old one, and
// keeps it.
func (i *Identity) Renew(ctx context.Context, dir string, c *http.Client) (*Identity, error) {
	key, csr, err := i.Request()
	if err != nil {
		return nil, err
	}
	var out agentwire.CertificateResponse
	if _, err := Post(ctx, c, i.URL+agentwire.CertificatePath, agentwire.CertificateRequest{CSR: csr}, &out); err != nil {
		return nil, err
	}
	return i.Replace(dir, key, out)
}

// Request makes a new key and a request for its certificate, both PEM.
func (i *Identity) Request() (key, csr string, err error) { return newKey(i.Item) }

// Replace keeps what the server answered to a request, with its key, in dir.
func (i *Identity) Replace(dir, key string, out agentwire.CertificateResponse) (*Identity, error) {
	n := &Identity{AgentID: i.AgentID, Item: i.Item, URL: i.URL, Key: key, Certificate: out.Certificate, CA: out.CA, Settings: i.Settings}
	if err := n.prepare(); err != nil {
		return nil, err
	}
	return n, n.save(dir)
}

// Post sends in as JSON and decodes the answer into out. The first result is how far
// the clock of this host is ahead of the server's, 0 when it did not say.
func Post(ctx context.Context, c *http.Client, address string, in, out any) (time.Duration, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return 0, errs.New(errs.Invalid, "%q is not an address.", address)
	}
	req.Header.Set("Content-Type", "application/json")
	return Do(c, req, out)
}

// Refused is an answer that is not the one hoped for.
type Refused struct {
	// Reason is the sentence for people.
	Reason *errs.Error
	// Final says that the server read the request and will never take it.
	Final bool
	// RetryAfter is how long the server wants to be left alone, 0 when it did not say.
	RetryAfter time.Duration
}

// Error implements error.
func (r *Refused) Error() string { return r.Reason.Error() }

// Unwrap gives the reason.
func (r *Refused) Unwrap() error { return r.Reason }

// Do sends the request and decodes the answer into out, as Post does.
func Do(c *http.Client, req *http.Request, out any) (time.Duration, error) {
	res, err := c.Do(req)
	if err != nil {
		return 0, explain(req.URL, err)
	}
	defer res.Body.Close()
	var skew time.Duration
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		skew = time.Since(at)
		if skew.Abs() < 2*time.Second {
			skew = 0 // the header has whole seconds, and the way takes time
		}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return skew, errs.Wrap(errs.Unavailable, err, "The answer of %s broke off.", req.URL.Host)
	}
	if res.StatusCode/100 != 2 {
		return skew, refusal(req.URL, res, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return skew, errs.Wrap(errs.Invalid, err, "What answers at %s is not a Mainstay server.", req.URL.Host)
	}
	return skew, nil
}

func refusal(u *url.URL, res *http.Response, body []byte) error {
	var p struct{ Code, Detail string }
	e, final := errs.New(errs.Unavailable, "The server at %s answered %s.", u.Host, res.Status), false
	if json.Unmarshal(body, &p) == nil && p.Detail != "" {
		e = errs.New(errs.Code(p.Code), "%s", p.Detail)
		final = e.Code == errs.Invalid || e.Code == errs.TooLarge
	} else if res.StatusCode/100 == 4 {
		e = errs.New(errs.Invalid, "What answers at %s is not a Mainstay server that takes agents (it said %s). Is the address right?", u.Host, res.Status)
	}
	r := &Refused{Reason: e, Final: final}
	if d, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil {
		r.RetryAfter = min(max(d, 0), time.Hour)
	}
	return r
}

// explain says in a sentence why there was no answer.
func explain(u *url.URL, err error) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errFingerprint):
		return errs.Wrap(errs.Forbidden, err, "The certificate of %s has another fingerprint than the one you gave. Do not send it a token.", u.Host)
	case errors.As(err, &unknown):
		return errs.Wrap(errs.Forbidden, err, "The certificate of %s is of an authority that this host does not trust. Give --ca FILE or --fingerprint.", u.Host)
	case errors.As(err, &name):
		return errs.Wrap(errs.Forbidden, err, "The certificate of %s is for another name.", u.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errs.Wrap(errs.Forbidden, err, "The certificate of %s is not valid at the time of this host. Is its clock right?", u.Host)
	case errors.As(err, &record):
		return errs.Wrap(errs.Invalid, err, "The server at %s does not speak TLS. Is it http:// instead of https://?", u.Host)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return errs.Wrap(errs.Invalid, err, "The server at %s does not speak TLS. Is it http:// instead of https://?", u.Host)
	}
	return errs.Wrap(errs.Unavailable, err, "The server at %s does not answer.", u.Host)
}

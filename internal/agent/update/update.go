// Package update replaces the program of an agent: it checks who signed the new one,
// tries it as a child for at most two minutes, and goes back to the old one when the
// new one does not report. The program that root installed is never touched; the new
// one lies in the folder of the agent and takes its place at each start.
package update

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Environment variables between a program and the one that takes its place.
const (
	// InPlace is the path of the installed program that the one which runs stands for.
	InPlace = "MAINSTAY_AGENT_IN_PLACE"
	// Trial names the file that the program writes when the server has taken a batch.
	Trial = "MAINSTAY_AGENT_TRIAL"
)

// TrialTime is how long a new program has to report.
const TrialTime = 2 * time.Minute

const (
	maxProgram   = 1 << 30
	downloadTime = 30 * time.Minute
)

// state is the file update.json.
type state struct {
	// Program is the SHA-256 of what lies in the folder; empty when nothing counts.
	Program string `json:"program,omitempty"`
	// Base is the installed program at that time: when root installs another, that one
	// counts.
	Base string `json:"base,omitempty"`
	// Trying is the request under trial.
	Trying    string `json:"trying,omitempty"`
	FailedTry string `json:"failed_try,omitempty"`
	Why       string `json:"why,omitempty"`
}

// Store is the folder of an agent, as far as updates go.
type Store struct{ dir string }

// Open gives the store of an agent's folder.
func Open(dir string) *Store { return &Store{dir: filepath.Join(dir, "program")} }

func (s *Store) file(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) load() state {
	var st state
	if b, err := os.ReadFile(s.file("update.json")); err == nil {
		_ = json.Unmarshal(b, &st)
	}
	return st
}

func (s *Store) save(st state) error {
	b, err := json.Marshal(st)
	if err == nil {
		err = os.MkdirAll(s.dir, 0o700)
	}
	if err != nil {
		return err
	}
	p := s.file("update.json")
	if err := os.WriteFile(p+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(p+".new", p)
}

// Failed is the last request that was tried in vain, with the reason.
func (s *Store) Failed() (try, why string) {
	st := s.load()
	return st.FailedTry, st.Why
}

// fail notes that a request came to nothing.
func (s *Store) fail(try, why string) error {
	st := s.load()
	st.Trying, st.FailedTry, st.Why = "", try, why
	_ = os.Remove(s.file("next"))
	return s.save(st)
}

// Fail notes that a request came to nothing before its trial.
func (s *Store) Fail(try string, why error) error { return s.fail(try, errs.Message(why)) }

// stamp tells the installed program from another.
func stamp(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return st.ModTime().UTC().Format(time.RFC3339Nano) + " " + path
}

// Current is the program to start instead of the installed one at self; empty when that
// one counts. A trial that was cut short has failed.
func (s *Store) Current(self string) string {
	st := s.load()
	if st.Trying != "" {
		if s.fail(st.Trying, "The agent was stopped while it tried the new program.") != nil {
			return ""
		}
		st = s.load()
	}
	if st.Program == "" || st.Base != stamp(self) {
		return ""
	}
	p := s.file("mainstay")
	if i, err := os.Stat(p); err != nil || !i.Mode().IsRegular() || i.Mode().Perm()&0o100 == 0 {
		return ""
	}
	return p
}

// Verify checks that one of the authorities (PEM) signed the program.
func Verify(p agentwire.Program, authorities string) error {
	sum := sha256.Sum256(p.Signed())
	for rest := []byte(authorities); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return errs.New(errs.Forbidden, "The new program is not signed by this server.")
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			continue
		}
		if k, ok := c.PublicKey.(*ecdsa.PublicKey); ok && ecdsa.VerifyASN1(k, sum[:], p.Signature) {
			return nil
		}
	}
}

// Fetch loads the program, checks it against what was signed, and gives its path.
func (s *Store) Fetch(ctx context.Context, c *http.Client, base, authorities, platform string, p agentwire.Program) (string, error) {
	if err := Verify(p, authorities); err != nil {
		return "", err
	}
	if p.Platform != platform || p.Size <= 0 || p.Size > maxProgram {
		return "", errs.New(errs.Invalid, "The new program is for %s, this host is %s.", p.Platform, platform)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "The new program cannot be written.")
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+agentwire.ProgramPath+p.Platform, nil)
	if err != nil {
		return "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "The new program cannot be loaded.")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", errs.New(errs.Unavailable, "The server answered %s when it was asked for the new program.", res.Status)
	}
	path := s.file("next")
	_ = os.Remove(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "The new program cannot be written.")
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(res.Body, p.Size+1))
	err = errors.Join(err, f.Sync(), f.Close())
	switch {
	case err != nil:
	case n != p.Size || !strings.EqualFold(hex.EncodeToString(h.Sum(nil)), p.SHA256):
		err = errs.New(errs.Forbidden, "What was loaded is not the program that the server signed.")
	default:
		return path, nil
	}
	_ = os.Remove(path)
	return "", errs.Wrap(errs.Unavailable, err, "The new program cannot be loaded: %s", errs.Message(err))
}

// Self is the SHA-256 of the program that runs.
func Self() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		if f, err = os.Open(path); err != nil {
			return ""
		}
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Report writes the file that says that the server has taken a batch of this program.
func Report(path string) error { return os.WriteFile(path, []byte("taken\n"), 0o600) }

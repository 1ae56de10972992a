// Package secret keeps credentials encrypted at rest, with age and a key file
// beside the database. The key file belongs into the backup, apart from the data:
// without it the secrets are lost.
package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Box seals and opens secrets.
type Box struct{ id *age.X25519Identity }

// Open reads the key file secret.key in dir, or makes it with mode 0600.
func Open(dir string) (*Box, error) {
	path := filepath.Join(dir, "secret.key")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "The key file %s cannot be written.", path)
		}
		_, werr := f.WriteString(id.String() + "\n")
		if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "The key file %s cannot be written.", path)
		}
		return &Box{id}, nil
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The key file %s cannot be read.", path)
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, errs.New(errs.Unavailable, "The key file %s is damaged. Restore it from a backup.", path)
	}
	return &Box{id}, nil
}

// Seal encrypts s for storage in a text column. The empty string stays empty.
func (b *Box) Seal(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, b.id.Recipient())
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, s); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return "age1:" + base64.RawStdEncoding.EncodeToString(buf.Bytes()), nil
}

// Open decrypts what Seal made.
func (b *Box) Open(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(s, "age1:"))
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(raw), b.id)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	out, err := io.ReadAll(r)
	return string(out), err
}

// Key derives a key for a purpose (signing links, for example) that stays the
// same as long as the key file does.
func (b *Box) Key(purpose string) []byte { return deriveKey([]byte(b.id.String()), purpose) }

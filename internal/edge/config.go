package edge

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// configFile is what the edge runs when it starts while it is cut off. It holds the
// secrets of checks, so only its user may read it.
const configFile = "checks.json"

func loadConfig(dir string) (edgewire.Config, error) {
	var c edgewire.Config
	b, err := os.ReadFile(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return edgewire.Config{}, err
	}
	return c, nil
}

// saveConfig replaces the file at once; a crash leaves the old or the new one.
func saveConfig(dir string, c edgewire.Config) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, configFile), b); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The checks of this edge cannot be written to %s.", dir)
	}
	return nil
}

// replaceFile writes a file that only the user of the edge may read.
func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Package local is what the host itself allows its agent: the file agent.yaml, which
// only the administrator of the host writes. The server can ask for nothing that goes
// beyond it.
package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Config is the file.
type Config struct {
	// Run are directories with programs that checks may run. None without it.
	Run []string `yaml:"run,omitempty"`
	// Logs bound which files the server may ask for.
	Logs Logs `yaml:"logs,omitempty"`
	// Databases say how the databases of this host are asked.
	Databases []Database `yaml:"databases,omitempty"`
	// Updates is false when the server must not replace the program.
	Updates *bool `yaml:"updates,omitempty"`
}

// Logs bound what is read of logs.
type Logs struct {
	// Directories in which files may be read; /var/log when there are none.
	Directories []string `yaml:"directories,omitempty"`
	// JournalDirectory holds the journal, if it is not where journalctl looks.
	JournalDirectory string `yaml:"journal_directory,omitempty"`
	// NoJournal forbids to read it.
	NoJournal bool `yaml:"no_journal,omitempty"`
}

// Database says how one database server is asked.
type Database struct {
	Engine string `yaml:"engine" required:"true" enum:"postgres,mysql,redis"`
	// Port that it listens on; the usual one of the engine when 0.
	Port int `yaml:"port,omitempty" minimum:"0" maximum:"65535"`
	// Socket is the path of its socket, for PostgreSQL the folder of it.
	Socket string `yaml:"socket,omitempty"`
	User   string `yaml:"user,omitempty"`
	// PasswordFile holds the password in its first line.
	PasswordFile string `yaml:"password_file,omitempty"`
	// Database to log in to, PostgreSQL only.
	Database string `yaml:"database,omitempty"`
}

// DefaultPath of the file; empty where there is none.
func DefaultPath() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(os.Getenv("ProgramData"), "mainstay-agent", "agent.yaml")
	default:
		return "/etc/mainstay/agent.yaml"
	}
}

// Load reads the file. One that is not there allows the defaults, unless it is needed.
func Load(path string, needed bool) (Config, error) {
	var c Config
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !needed {
		return c.withDefaults(), nil
	}
	if err != nil {
		return c, errs.Wrap(errs.Unavailable, err, "The configuration of the agent, %s, cannot be read.", path)
	}
	if err := strict.Decode(path, b, &c); err != nil {
		return c, err
	}
	var bad []errs.Field
	for i, d := range c.Run {
		if !filepath.IsAbs(d) {
			bad = append(bad, errs.Field{Path: "run[" + strconv.Itoa(i) + "]", Value: d, Message: "must be an absolute path of a folder"})
		}
	}
	for i, d := range c.Logs.Directories {
		if !filepath.IsAbs(d) {
			bad = append(bad, errs.Field{Path: "logs.directories[" + strconv.Itoa(i) + "]", Value: d, Message: "must be an absolute path of a folder"})
		}
	}
	if len(bad) > 0 {
		return c, errs.Fields(bad...)
	}
	return c.withDefaults(), nil
}

func (c Config) withDefaults() Config {
	if len(c.Logs.Directories) == 0 {
		c.Logs.Directories = []string{"/var/log"}
	}
	return c
}

// MayUpdate tells whether the server may replace the program.
func (c Config) MayUpdate() bool { return c.Updates == nil || *c.Updates }

// Below tells whether path, as it is after symbolic links, is inside one of the
// folders.
func Below(path string, folders []string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for _, d := range folders {
		if r, err := filepath.EvalSymlinks(d); err == nil {
			d = r
		}
		if rel, err := filepath.Rel(d, real); err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// Program checks that path names a program that may be run, and gives its real path.
func (c Config) Program(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", errs.New(errs.Forbidden, "%q is not an absolute path. The agent runs programs by their path only.", path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", errs.New(errs.NotFound, "There is no program %s on this host.", path)
	}
	if !Below(real, c.Run) {
		return "", errs.New(errs.Forbidden, "%s is not in a folder that this host allows. Its administrator lists such folders under run in agent.yaml.", path)
	}
	switch filepath.Base(real) {
	case "negate", "urlize":
		return "", errs.New(errs.Forbidden, "%s runs any other program, so the agent does not run it.", path)
	}
	st, err := os.Stat(real)
	switch {
	case err != nil || !st.Mode().IsRegular():
		return "", errs.New(errs.NotFound, "There is no program %s on this host.", path)
	case runtime.GOOS != "windows" && st.Mode().Perm()&0o002 != 0:
		return "", errs.New(errs.Forbidden, "Everybody may write %s, so the agent does not run it.", path)
	}
	return real, nil
}

package edge

import (
	"context"
	_ "embed" // the unit
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// ServiceDir is where the service keeps its identity, checks and buffer.
const ServiceDir = "/var/lib/mainstay-edge"

const (
	serviceUser = "mainstay-edge"
	unitName    = "mainstay-edge.service"
	unitDir     = "/etc/systemd/system"
)

//go:embed mainstay-edge.service
var unit string

// unitFor is the unit for the program at path.
func unitFor(path string) string { return strings.ReplaceAll(unit, "@PROGRAM@", path) }

// CanInstall tells what is missing for Install.
func CanInstall() error {
	if runtime.GOOS != "linux" {
		return errs.New(errs.Invalid, "A service is installed on Linux only. Run the edge with: mainstay edge run")
	}
	if os.Geteuid() != 0 {
		return errs.New(errs.Forbidden, "Installing a service needs root. Put sudo before it.")
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return errs.New(errs.Unavailable, "This machine does not run systemd. Enroll it with mainstay edge enroll, and let its own service manager run: mainstay edge run")
	}
	return nil
}

// Install makes the user, hands it the folder, writes the unit and starts it. Each step
// that is done already is left as it is.
func Install(ctx context.Context, w io.Writer) error {
	u, err := user.Lookup(serviceUser)
	if err != nil {
		if err := command(ctx, "useradd", "--system", "--no-create-home", "--home-dir", ServiceDir, "--shell", "/usr/sbin/nologin", serviceUser); err != nil {
			return err
		}
		fmt.Fprintf(w, "Made the user %s\n", serviceUser)
		if u, err = user.Lookup(serviceUser); err != nil {
			return errs.Wrap(errs.Unavailable, err, "The user %s cannot be found.", serviceUser)
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		return errs.New(errs.Internal, "The user %s has no numeric id.", serviceUser)
	}
	if err := handOver(ServiceDir, uid, gid); err != nil {
		return err
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The place of this program cannot be found.")
	}
	path := filepath.Join(unitDir, unitName)
	if old, err := os.ReadFile(path); err != nil || string(old) != unitFor(self) {
		if err := os.WriteFile(path, []byte(unitFor(self)), 0o644); err != nil { //nolint:gosec // units are read by everybody
			return errs.Wrap(errs.Unavailable, err, "The unit %s cannot be written.", path)
		}
		fmt.Fprintf(w, "Wrote %s\n", path)
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", unitName}, {"restart", unitName}} {
		if err := command(ctx, "systemctl", args...); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "The service runs. Follow it with: journalctl -u %s -f\n", unitName)
	return nil
}

// handOver gives a folder and all in it to a user.
func handOver(dir string, uid, gid int) error {
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, uid, gid)
	})
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The folder %s cannot be handed to the user of the service.", dir)
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return errs.Wrap(errs.Unavailable, fmt.Errorf("%w: %s", err, out), "%s %s failed.", name, strings.Join(args, " "))
	}
	return nil
}

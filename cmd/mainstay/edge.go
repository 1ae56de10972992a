package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/agent/host"
	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/edge"
)

func edgeCommand() *cobra.Command {
	c := &cobra.Command{Use: "edge", Short: "Run checks in this network for a server elsewhere"}
	c.AddCommand(edgeEnrollCommand(), edgeRunCommand(), edgeInstallCommand())
	return c
}

// edgeDir is where an edge keeps its identity, checks and buffer.
func edgeDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "mainstay-edge")
	}
	if os.Geteuid() == 0 {
		return "/var/lib/mainstay-edge"
	}
	base, err := os.UserConfigDir()
	if err != nil {
		base = "."
	}
	return filepath.Join(base, "mainstay-edge")
}

func edgeEnrollCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "enroll --url URL --token TOKEN", Short: "Make this machine an edge of a server, once", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, _ := c.Flags().GetString("dir")
			who, err := enrollSite(c, dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Enrolled as the edge %s. Checks run here with: from: %s\nThe certificate is good until %s and renews itself. Start it with: mainstay edge run\n", who.Item, who.Item, who.NotAfter().UTC().Format("2006-01-02"))
			return nil
		},
	}
	enrollFlags(c)
	c.Flags().String("name", "", "name of the edge, for from: in checks; that of the machine if not given")
	edgeDirFlag(c)
	return c
}

// enrollSite does what the flags say.
func enrollSite(c *cobra.Command, dir string) (*identity.Identity, error) {
	flag := func(n string) string { v, _ := c.Flags().GetString(n); return v }
	token := flag("token")
	if token == "" {
		token = os.Getenv("MAINSTAY_ENROLL_TOKEN")
	}
	if flag("url") == "" || token == "" {
		return nil, errs.New(errs.Invalid, "Enrolling needs --url and --token. Observe, Edges, Add an edge shows both.")
	}
	again, _ := c.Flags().GetBool("again")
	hostname, err := os.Hostname()
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The name of this machine cannot be read.")
	}
	in := agentwire.EnrollRequest{Token: token, Name: flag("name"), Hostname: hostname, MachineID: host.MachineID(), OS: runtime.GOOS, Arch: runtime.GOARCH, Version: version}
	return edge.Enroll(c.Context(), dir, flag("url"), identity.Trust{CAFile: flag("ca"), Fingerprint: flag("fingerprint")}, again, in)
}

func edgeInstallCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "install --url URL --token TOKEN", Short: "Enroll this machine and run the edge as a service (Linux with systemd)",
		Long: "Enroll this machine unless it is enrolled, write the systemd unit, start it and enable it for the next start. Needs root.\nThe service runs as the user mainstay-edge with the capabilities CAP_NET_RAW and CAP_NET_BIND_SERVICE. Running it again repairs what is missing and changes nothing else.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := edge.CanInstall(); err != nil {
				return err
			}
			again, _ := c.Flags().GetBool("again")
			who, err := identity.Load(edge.ServiceDir)
			if errs.Is(err, errs.NotFound) || again {
				who, err = enrollSite(c, edge.ServiceDir)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Enrolled as the edge %s\n", who.Item)
			return edge.Install(c.Context(), c.OutOrStdout())
		},
	}
	enrollFlags(c)
	c.Flags().String("name", "", "name of the edge, for from: in checks; that of the machine if not given")
	return c
}

func edgeDirFlag(c *cobra.Command) {
	c.Flags().String("dir", edgeDir(), "folder for the identity, the checks and the buffer")
}

func edgeRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "run", Short: "Run the checks that the server gives, and deliver what they find", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, _ := c.Flags().GetString("dir")
			mib, _ := c.Flags().GetInt64("buffer-mib")
			if mib < 1 || mib > 1<<20 {
				return errs.Fields(errs.Field{Path: "buffer-mib", Value: fmt.Sprint(mib), Message: "must be 1 to 1048576"})
			}
			return edge.Run(c.Context(), edge.Options{Dir: dir, Version: version, BufferBytes: mib << 20, Logger: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))})
		},
	}
	c.Flags().Int64("buffer-mib", edge.DefaultBuffer>>20, "most that is kept on disk while the server is away, in MiB")
	edgeDirFlag(c)
	return c
}

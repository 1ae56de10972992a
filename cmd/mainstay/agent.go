package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/agent"
	"github.com/mainstay-ops/mainstay/internal/agent/host"
	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// agentGC keeps less garbage than Go does by itself: the agent shares a machine with
// what it is there for, and works for some milliseconds every ten seconds.
const agentGC = 30

func agentCommand() *cobra.Command {
	c := &cobra.Command{Use: "agent", Short: "Watch the host this runs on for a server"}
	c.AddCommand(agentEnrollCommand(), agentRunCommand(), agentInstallCommand())
	return c
}

// agentDir is where an agent keeps its identity and buffer: that of the service when
// run by root, else one of the user.
func agentDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "mainstay-agent")
	}
	if os.Geteuid() == 0 {
		return agent.ServiceDir
	}
	base, err := os.UserConfigDir()
	if err != nil {
		base = "."
	}
	return filepath.Join(base, "mainstay-agent")
}

func agentDirFlag(c *cobra.Command) {
	c.Flags().String("dir", agentDir(), "folder for the identity and the buffer")
}

func enrollFlags(c *cobra.Command) {
	c.Flags().String("url", os.Getenv("MAINSTAY_URL"), "address of the server (MAINSTAY_URL)")
	c.Flags().String("token", "", "enrolment token, used up by this (MAINSTAY_ENROLL_TOKEN)")
	c.Flags().String("ca", "", "file with the authorities of the server's certificate")
	c.Flags().String("fingerprint", "", "SHA-256 of the server's certificate, instead of --ca")
	c.Flags().Bool("again", false, "replace the identity of a host that is enrolled")
}

// enrollHost does what the flags say.
func enrollHost(c *cobra.Command, dir string) (*identity.Identity, error) {
	flag := func(n string) string { v, _ := c.Flags().GetString(n); return v }
	token := flag("token")
	if token == "" {
		token = os.Getenv("MAINSTAY_ENROLL_TOKEN")
	}
	if flag("url") == "" || token == "" {
		return nil, errs.New(errs.Invalid, "Enrolling needs --url and --token. Estate, Agents, Add a host shows both.")
	}
	again, _ := c.Flags().GetBool("again")
	hostname, err := os.Hostname()
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The name of this host cannot be read.")
	}
	in := agentwire.EnrollRequest{Token: token, Hostname: hostname, MachineID: host.MachineID(), OS: runtime.GOOS, Arch: runtime.GOARCH, Version: version}
	return identity.Enroll(c.Context(), dir, flag("url"), identity.Trust{CAFile: flag("ca"), Fingerprint: flag("fingerprint")}, again, in)
}

func agentEnrollCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "enroll --url URL --token TOKEN", Short: "Make this host known to a server, once", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, _ := c.Flags().GetString("dir")
			who, err := enrollHost(c, dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Enrolled as %s. The certificate is good until %s and renews itself.\n", who.Item, who.NotAfter().UTC().Format("2006-01-02"))
			return nil
		},
	}
	enrollFlags(c)
	agentDirFlag(c)
	return c
}

func agentRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "run", Short: "Read this host and deliver to the server", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, _ := c.Flags().GetString("dir")
			mib, _ := c.Flags().GetInt64("buffer-mib")
			if mib < 1 || mib > 1<<20 {
				return errs.Fields(errs.Field{Path: "buffer-mib", Value: fmt.Sprint(mib), Message: "must be 1 to 1048576"})
			}
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(agentGC)
			}
			config, _ := c.Flags().GetString("config")
			return runAgent(c.Context(), agent.Options{
				Dir: dir, Version: version, BufferBytes: mib << 20, Logger: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)), Now: time.Now, Build: agentProbe,
			}, config, c.Flags().Changed("config"))
		},
	}
	c.Flags().String("config", local.DefaultPath(), "what this host allows: programs to run, folders of logs, databases")
	c.Flags().Int64("buffer-mib", agent.DefaultBuffer>>20, "most that is kept on disk while the server is away, in MiB")
	agentDirFlag(c)
	return c
}

func agentInstallCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "install --url URL --token TOKEN", Short: "Enroll this host and run the agent as a service (Linux with systemd)",
		Long: "Enroll this host unless it is enrolled, write the systemd unit, start it and enable it for the next start. Needs root.\nRunning it again repairs what is missing and changes nothing else.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := c.OutOrStdout()
			if err := agent.CanInstall(); err != nil {
				return err
			}
			again, _ := c.Flags().GetBool("again")
			who, err := identity.Load(agent.ServiceDir)
			if errs.Is(err, errs.NotFound) || again {
				who, err = enrollHost(c, agent.ServiceDir)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "Enrolled as %s\n", who.Item)
			return agent.Install(c.Context(), w)
		},
	}
	enrollFlags(c)
	return c
}

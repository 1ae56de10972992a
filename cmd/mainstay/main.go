// Command mainstay is the whole program: the server, and the command line that
// talks to it over the public API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones for machines without zone files

	"github.com/spf13/cobra"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/all"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// version is set when the program is linked.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	printError(stderr, err)
	return 1
}

// exitCode ends the program without a message of its own.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// printError writes the sentence for people, then each bad field on a line.
func printError(w io.Writer, err error) {
	var e *errs.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(w, "mainstay: %v\n", err)
		return
	}
	fmt.Fprintf(w, "mainstay: %s\n", e.Message)
	for _, f := range e.Fields {
		fmt.Fprint(w, "  ")
		if f.Line > 0 {
			fmt.Fprintf(w, "line %d: ", f.Line)
		}
		if f.Path != "" {
			fmt.Fprintf(w, "%s ", f.Path)
		}
		if f.Value != "" {
			fmt.Fprintf(w, "(%q) ", f.Value)
		}
		fmt.Fprintln(w, f.Message)
	}
	if e.Err != nil && len(e.Fields) == 0 {
		fmt.Fprintf(w, "  cause: %v\n", e.Err)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "mainstay",
		Short: "One place for what you run, what it says, what you do about it and what that is worth",
		Long: "Mainstay watches what an organization runs, opens one incident when it breaks,\ntells the person on call and reports what it cost.\n\n" +
			"Client commands take --url (MAINSTAY_URL) and --token (MAINSTAY_TOKEN).",
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(
		serveCommand(),
		agentCommand(),
		edgeCommand(),
		applyCommand(),
		exportCommand(),
		importCommand(),
		tokenCommand(),
		checkCommand(),
		logCommand(),
		ruleCommand(),
		flowCommand(),
		packetCommand(),
		pathCommand(),
		discoverCommand(),
		profileCommand(),
		configCommand(),
		openapiCommand(),
		versionCommand(),
	)
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		_, err := fmt.Fprintln(c.OutOrStdout(), "mainstay", version)
		return err
	}}
}

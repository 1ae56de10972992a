package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func checkCommand() *cobra.Command {
	run := &cobra.Command{
		Use: "run TYPE TARGET", Short: "Run one probe from here, without a server",
		Long:    "Run one probe and exit with its state as Nagios plugins do: 0 ok, 1 warning, 2 critical, 3 unknown.\n\nTypes: " + strings.Join(probeNames(), ", "),
		Example: "  mainstay check run http https://example.org/\n  mainstay check run tcp 127.0.0.1:5432\n  mainstay check run icmp 192.0.2.1",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			timeout, _ := c.Flags().GetDuration("timeout")
			asJSON, _ := c.Flags().GetBool("json")
			res, err := runProbe(c.Context(), args[0], args[1], timeout)
			if err != nil {
				return err
			}
			if asJSON {
				b, err := json.MarshalIndent(res, "", "  ")
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), string(b))
			} else {
				printResult(c, res)
			}
			if res.Status != observe.OK {
				return exitCode(res.Status)
			}
			return nil
		},
	}
	run.Flags().Duration("timeout", 10*time.Second, "give up after this long")
	run.Flags().Bool("json", false, "print the whole result as JSON")
	types := &cobra.Command{Use: "types", Short: "List the types of checks", Args: cobra.NoArgs, Run: func(c *cobra.Command, _ []string) {
		for _, t := range observe.ProbeTypes() {
			fmt.Fprintf(c.OutOrStdout(), "%-10s %s\n", t.Name, t.Title)
		}
	}}
	c := &cobra.Command{Use: "check", Short: "Checks"}
	c.AddCommand(run, types)
	return c
}

func probeNames() []string {
	var out []string
	for _, t := range observe.ProbeTypes() {
		if t.FromTarget != nil {
			out = append(out, t.Name)
		}
	}
	return out
}

func runProbe(ctx context.Context, typ, target string, timeout time.Duration) (observe.Result, error) {
	t, ok := observe.ProbeTypeByName(typ)
	if !ok || t.FromTarget == nil {
		return observe.Result{}, errs.New(errs.Invalid, "There is no probe type %q. Known are %s.", typ, strings.Join(probeNames(), ", "))
	}
	cfg, err := t.FromTarget(target)
	if err != nil {
		return observe.Result{}, err
	}
	if err := cfg.Validate(); err != nil {
		return observe.Result{}, err
	}
	p, err := cfg.Probe(observe.ProbeEnv{Timeout: timeout})
	if err != nil {
		return observe.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return p.Run(ctx), nil
}

func printResult(c *cobra.Command, r observe.Result) {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s (%.1f ms)\n", strings.ToUpper(r.Status.String()), r.Output, float64(r.Duration.Microseconds())/1000)
	if r.Detail != "" {
		fmt.Fprintln(w, r.Detail)
	}
	for _, m := range r.Measures {
		labels := ""
		for k, v := range m.Labels {
			labels += fmt.Sprintf(" %s=%s", k, v)
		}
		fmt.Fprintf(w, "  %s%s %g\n", m.Name, labels, m.Value)
	}
}

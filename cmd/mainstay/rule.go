package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// maxRuleFile is what is read of a rule file.
const maxRuleFile = 8 << 20

func ruleCommand() *cobra.Command {
	test := &cobra.Command{
		Use: "test --rules FILE --from TIME --to TIME", Short: "Try rules on stored metrics, without a server: when would they have fired", Args: cobra.NoArgs,
		Long: "Try the rules of a file on the metrics in a data directory, with the server running or\nnot. Nothing is stored. The file is a rule file of Prometheus, or has rules and slos as\nin ops.yaml.\n\n" +
			"Times are 2026-11-20T00:00:00Z, a length before now such as 7d or 12h, or now.\nThe program ends with 2 when the file has a mistake.",
		Example: "  mainstay rule test --rules rules.yaml --from 7d --to now --data ./data",
		RunE:    runRuleTest,
	}
	f := test.Flags()
	f.String("rules", "", "file with the rules; - is the standard input")
	f.String("from", "24h", "begin of the time")
	f.String("to", "now", "end of the time")
	f.String("data", "./data", "data directory of the server")
	f.String("format", "text", "text or json")
	_ = test.MarkFlagRequired("rules")

	imp := &cobra.Command{
		Use: "import FILE...", Short: "Take rule files of Prometheus, each as a whole or not at all", Args: cobra.MinimumNArgs(1), RunE: runRuleImport,
	}
	imp.Flags().Bool("dry-run", false, "say what would be made and make nothing")
	clientFlags(imp)
	c := &cobra.Command{Use: "rule", Short: "Rules on metrics and logs"}
	c.AddCommand(test, imp)
	return c
}

// moment reads a time, or a length before now.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	var d config.Duration
	if err := d.UnmarshalText([]byte(strings.TrimPrefix(s, "-"))); err == nil {
		return now.Add(-d.D()), nil
	}
	return time.Time{}, errs.New(errs.Invalid, "--%s %q must be a time such as 2026-11-20T00:00:00Z, a length before now such as 7d, or now.", flag, s)
}

func readRuleFile(c *cobra.Command, file string) ([]byte, error) {
	in := c.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", file)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxRuleFile+1))
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", file)
	}
	if len(b) > maxRuleFile {
		return nil, errs.New(errs.Invalid, "The file %s has more than %d bytes.", file, maxRuleFile)
	}
	return b, nil
}

func runRuleTest(c *cobra.Command, _ []string) error {
	get := func(name string) string {
		v, _ := c.Flags().GetString(name)
		return v
	}
	format := get("format")
	if format != "text" && format != "json" {
		return errs.New(errs.Invalid, "The format %q is not known. Give --format text or json.", format)
	}
	now := time.Now().UTC().Truncate(time.Second)
	from, err := moment("from", get("from"), now)
	if err != nil {
		return err
	}
	to, err := moment("to", get("to"), now)
	if err != nil {
		return err
	}
	b, err := readRuleFile(c, get("rules"))
	if err != nil {
		return err
	}
	out, err := app.TryRules(c.Context(), get("data"), get("rules"), b, from, to)
	if err != nil {
		if len(errs.FieldsOf(err)) > 0 {
			printError(c.ErrOrStderr(), err)
			return exitCode(2)
		}
		return err
	}
	if format == "json" {
		enc := json.NewEncoder(c.OutOrStdout())
		for _, t := range out {
			if err := enc.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	return printTrials(c.OutOrStdout(), out)
}

func printTrials(w io.Writer, ts []app.RuleTrial) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tSEVERITY\tFIRED\tAT NIGHT\tFIRING FOR\tMOST AT ONCE\tONLY PENDING\tLAST")
	for _, t := range ts {
		if t.Skipped != "" {
			fmt.Fprintf(tw, "%s\t%s\t-\t-\t-\t-\t-\tnot tried: %s\n", t.Name, t.Severity, t.Skipped)
			continue
		}
		last := "never"
		if n := len(t.Episodes); n > 0 {
			last = t.Episodes[n-1].FiredAt.Local().Format("2006-01-02 15:04")
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%d\t%d\t%s\n", t.Name, t.Severity, t.Fired, t.Night, (time.Duration(t.Seconds) * time.Second).String(), t.Most, t.Pending, last)
	}
	return tw.Flush()
}

func runRuleImport(c *cobra.Command, args []string) error {
	dry, _ := c.Flags().GetBool("dry-run")
	cl, err := newClient(c)
	if err != nil {
		return err
	}
	for _, file := range args {
		b, err := readRuleFile(c, file)
		if err != nil {
			return err
		}
		var out struct {
			Items []struct{ Name, Outcome string } `json:"items"`
		}
		path := fmt.Sprintf("/api/v1/rules/import?dry_run=%t&file=%s", dry, url.QueryEscape(file))
		if err := cl.do(c.Context(), "POST", path, "", map[string]string{"text": string(b)}, &out); err != nil {
			return err
		}
		n := map[string]int{}
		for _, r := range out.Items {
			n[r.Outcome]++
		}
		word := ""
		if dry {
			word = " (dry run)"
		}
		fmt.Fprintf(c.OutOrStdout(), "%s: %d rules, %d new, %d changed, %d as before%s\n", file, len(out.Items), n["created"], n["updated"], n["unchanged"], word)
	}
	return nil
}

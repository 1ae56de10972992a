package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// maxImport is the size that the server takes.
const maxImport = 64 << 20

// importTime is how long a file of the largest size may take.
const importTime = 10 * time.Minute

func importCommand() *cobra.Command {
	items := &cobra.Command{
		Use: "items FILE", Short: "Create and change items from a CSV or JSON file: all of it or nothing", Args: cobra.ExactArgs(1),
		Long: "The first line of a CSV file names the columns: name, kind, title, owner, criticality,\nlifecycle, description, label:KEY, attribute:NAME and relation types such as runs_on.\n" +
			"A file that ends in .json is an array of objects, one in .ndjson or .jsonl has one a line.",
		RunE: runImport,
	}
	items.Flags().Bool("dry-run", false, "say what would change and keep nothing")
	items.Flags().Bool("partial", false, "apply the rows without mistakes")
	items.Flags().String("format", "", "csv, json or ndjson; otherwise the name of the file says it")
	c := &cobra.Command{Use: "import", Short: "Import from files"}
	c.AddCommand(items)
	clientFlags(c)
	return c
}

func runImport(c *cobra.Command, args []string) error {
	dry, _ := c.Flags().GetBool("dry-run")
	partial, _ := c.Flags().GetBool("partial")
	contentType, err := importType(c, args[0])
	if err != nil {
		return err
	}
	b, err := readImport(c, args[0])
	if err != nil {
		return err
	}
	cl, err := newClient(c)
	if err != nil {
		return err
	}
	cl.http.Timeout = importTime
	var out importAnswer
	if err := cl.do(c.Context(), "POST", fmt.Sprintf("/api/v1/items/import?dry_run=%t&partial=%t", dry, partial), contentType, b, &out); err != nil {
		return err
	}
	return out.print(c.OutOrStdout(), c.ErrOrStderr(), dry, partial)
}

func importType(c *cobra.Command, file string) (string, error) {
	format, _ := c.Flags().GetString("format")
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	}
	switch format {
	case "json":
		return "application/json", nil
	case "ndjson", "jsonl":
		return "application/x-ndjson", nil
	case "csv", "tsv", "txt", "":
		return "text/csv", nil
	}
	return "", errs.New(errs.Invalid, "The format %q is not known. Give --format csv, json or ndjson.", format)
}

func readImport(c *cobra.Command, file string) ([]byte, error) {
	in := c.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", file)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", file)
	}
	if len(b) > maxImport {
		return nil, errs.New(errs.TooLarge, "The file %s has more than 64 MiB. Split it.", file)
	}
	return b, nil
}

type importAnswer struct {
	Rows, Created, Updated, Unchanged, Rejected int
	MistakeCount                                int `json:"mistake_count"`
	Mistakes                                    []struct {
		Line                   int
		Column, Value, Message string
	}
	Changes []struct {
		Name, Outcome string
		Fields        []string
	}
}

// print writes what was done; rows that were left out are a failure in a dry run,
// where they would refuse the file.
func (a *importAnswer) print(w, ew io.Writer, dry, partial bool) error {
	if dry {
		for _, ch := range a.Changes {
			fmt.Fprintf(w, "%-9s %s\n", ch.Outcome, ch.Name)
			for _, f := range ch.Fields {
				fmt.Fprintf(w, "            %s\n", f)
			}
		}
		if more := a.Created + a.Updated - len(a.Changes); more > 0 {
			fmt.Fprintf(w, "and %d more\n", more)
		}
	}
	for _, m := range a.Mistakes {
		fmt.Fprintf(ew, "  line %d: ", m.Line)
		if m.Column != "" {
			fmt.Fprintf(ew, "%s ", m.Column)
		}
		if m.Value != "" {
			fmt.Fprintf(ew, "(%q) ", m.Value)
		}
		fmt.Fprintln(ew, m.Message)
	}
	if more := a.MistakeCount - len(a.Mistakes); more > 0 {
		fmt.Fprintf(ew, "  and %d more mistakes\n", more)
	}
	said := "Imported"
	if dry {
		said = "Dry run, nothing was changed"
	}
	fmt.Fprintf(w, "%s: %d created, %d updated, %d unchanged, %d rejected.\n", said, a.Created, a.Updated, a.Unchanged, a.Rejected)
	if dry && !partial && a.Rejected > 0 {
		return errs.New(errs.Invalid, "%d of %d rows are wrong. The file would be refused.", a.Rejected, a.Rows)
	}
	return nil
}

func exportItemsCommand() *cobra.Command {
	c := &cobra.Command{Use: "items", Short: "Print items as CSV or JSON that import takes back", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		cl.http.Timeout = importTime
		query := ""
		for _, f := range []string{"format", "q", "kind", "owner", "criticality", "lifecycle", "label"} {
			if v, _ := c.Flags().GetString(f); v != "" {
				query += "&" + f + "=" + url.QueryEscape(v)
			}
		}
		return cl.stream(c.Context(), "/api/v1/export/items?"+strings.TrimPrefix(query, "&"), c.OutOrStdout())
	}}
	c.Flags().String("format", "csv", "csv, json or ndjson")
	c.Flags().String("q", "", "only those with this in the name or the title")
	c.Flags().String("kind", "", "only those of a kind")
	c.Flags().String("owner", "", "only those of a team")
	c.Flags().String("criticality", "", "only those of a criticality")
	c.Flags().String("lifecycle", "", "planned, in_use or retired")
	c.Flags().String("label", "", "only those with a label: key, or key=value")
	return c
}

package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/core/logpattern"
)

func logCommand() *cobra.Command {
	c := &cobra.Command{Use: "log", Short: "Search and read log lines"}
	c.AddCommand(logQueryCommand(), logPatternsCommand(), logParseCommand())
	return c
}

func logPatternsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "patterns FILE", Short: "Group the lines of a file by their template, without a server",
		Long: "Group the lines of a file, or of the input with \"-\", by their template: the fixed words\n" +
			"of a message with <*> for what varies. csv and json give one row per line, in order;\n" +
			"table gives the templates with the number of their lines.",
		Example: "  mainstay log patterns /var/log/syslog\n  journalctl -o short | mainstay log patterns - --format csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			format, _ := c.Flags().GetString("format")
			if format != "table" && format != "csv" && format != "json" {
				return errs.Fields(errs.Field{Path: "format", Value: format, Message: "is not known; use table, csv or json"})
			}
			return withInput(c, args[0], func(r io.Reader) error { return minePatterns(c.OutOrStdout(), r, format) })
		},
	}
	c.Flags().String("format", "table", "table, csv or json")
	return c
}

func logParseCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "parse FILE", Short: "Read the fields out of log lines, without a server",
		Long: "Recognize the format of each line of a file, or of the input with \"-\", and print its\n" +
			"fields as one JSON object per line. The line itself is in \"message\". With --parsers,\n" +
			"parsers of your own are tried first.",
		Example: "  mainstay log parse /var/log/auth.log\n  mainstay log parse app.log --parsers parsers.yaml --check",
		Args:    cobra.ExactArgs(1),
		RunE:    parseLog,
	}
	f := c.Flags()
	f.String("format", "json", "json")
	f.String("parsers", "", "file with parsers of your own (YAML)")
	f.Bool("check", false, "say for each line which parser fits, and where it stops fitting")
	return c
}

func withInput(c *cobra.Command, name string, f func(io.Reader) error) error {
	if name == "-" {
		return f(c.InOrStdin())
	}
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return errs.Wrap(errs.NotFound, err, "The file %q does not exist.", name)
	}
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The file %q cannot be read.", name)
	}
	defer file.Close()
	return f(file)
}

// eachLine calls f for every line without its end. Of a line longer than the limit only
// the beginning is given; the rest is skipped. The bytes are valid during the call.
func eachLine(r io.Reader, f func([]byte) error) error {
	br := bufio.NewReaderSize(r, 256<<10)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if room := logparse.MaxLine - len(long); room > 0 {
				long = append(long, part[:min(room, len(part))]...)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errs.Wrap(errs.Invalid, err, "The input cannot be read.")
		}
		line := part
		if len(long) > 0 {
			if room := logparse.MaxLine - len(long); room > 0 {
				long = append(long, part[:min(room, len(part))]...)
			}
			line = long
		}
		if len(line) > 0 || err == nil {
			if ferr := f(bytes.TrimRight(line, "\r\n")); ferr != nil {
				return ferr
			}
		}
		long = long[:0]
		if err != nil {
			return nil
		}
	}
}

// patternSample is how many lines are looked at before the first is grouped.
const patternSample = 1000

func minePatterns(w io.Writer, r io.Reader, format string) error {
	m := logpattern.New(logpattern.Config{})
	var sample [][]byte
	var matches []logpattern.Match
	perLine := format != "table"
	add := func(b []byte) {
		if k := m.Add(b); perLine {
			matches = append(matches, k)
		}
	}
	learned := false
	learn := func() {
		m.Learn(sample)
		for _, b := range sample {
			add(b)
		}
		sample, learned = nil, true
	}
	err := eachLine(r, func(b []byte) error {
		if learned {
			add(b)
			return nil
		}
		if sample = append(sample, bytes.Clone(b)); len(sample) == patternSample {
			learn()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !learned {
		learn()
	}
	out := bufio.NewWriterSize(w, 64<<10)
	switch format {
	case "csv":
		err = patternsCSV(out, matches)
	case "json":
		err = patternsJSON(out, matches)
	default:
		err = patternsTable(out, m.Templates())
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func patternsCSV(w io.Writer, matches []logpattern.Match) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"line", "pattern", "template"}); err != nil {
		return err
	}
	for i, k := range matches {
		k = k.Now()
		if err := out.Write([]string{strconv.Itoa(i + 1), k.ID, k.Template}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func patternsJSON(w io.Writer, matches []logpattern.Match) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i, k := range matches {
		k = k.Now()
		if err := enc.Encode(struct {
			Line     int    `json:"line"`
			Pattern  string `json:"pattern"`
			Template string `json:"template"`
		}{i + 1, k.ID, k.Template}); err != nil {
			return err
		}
	}
	return nil
}

func patternsTable(out io.Writer, list []logpattern.Template) error {
	sort.SliceStable(list, func(i, j int) bool { return list[i].Count > list[j].Count })
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "LINES\tPATTERN\tTEMPLATE\n")
	for _, t := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\n\t\te.g. %s\n", t.Count, t.ID, printable(t.Text, 200), printable(t.Example, 200))
	}
	return w.Flush()
}

// printable keeps what a hostile line holds from reaching the terminal.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '.'
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

func parseLog(c *cobra.Command, args []string) error {
	if format, _ := c.Flags().GetString("format"); format != "json" {
		return errs.Fields(errs.Field{Path: "format", Value: format, Message: "is not known; use json"})
	}
	check, _ := c.Flags().GetBool("check")
	var own *logparse.Set
	name, _ := c.Flags().GetString("parsers")
	if name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			return errs.Wrap(errs.NotFound, err, "The file %q cannot be read.", name)
		}
		if own, err = logparse.ReadParsers(name, data); err != nil {
			return err
		}
	} else if check {
		return errs.Fields(errs.Field{Path: "parsers", Message: "is missing; --check says how your parsers fit"})
	}
	now := time.Now()
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := withInput(c, args[0], func(r io.Reader) error {
		return eachLine(r, func(b []byte) error {
			line := string(b)
			if check {
				return enc.Encode(own.Try(line, now))
			}
			_, err := out.Write(own.Parse(line, now).AppendJSON(nil, line))
			return err
		})
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

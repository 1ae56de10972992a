package sheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

var bom = []byte("\xef\xbb\xbf")

// ReadCSV reads a file whose first line names the columns. Cells are separated by
// commas, semicolons or tabs, whichever the header has most of. A mistake in the
// header is an error; one in a row goes to bad and the row is left out.
func ReadCSV(b []byte, s Schema, bad *Mistakes) ([]Row, error) {
	b = bytes.TrimPrefix(b, bom)
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return nil, errs.New(errs.Invalid, "The file is UTF-16. Save it as CSV UTF-8.")
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma(b), -1, true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, errs.New(errs.Invalid, "The file is empty. Its first line must name the columns, at least name and kind.")
	}
	if err != nil {
		return nil, errs.Fields(syntax(err))
	}
	line, _ := r.FieldPos(0)
	cols, err := header(head, line, s)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			// After a broken quote nobody knows where the next row begins.
			return nil, errs.Fields(syntax(err))
		}
		if len(rows) == MaxRows {
			return nil, errs.New(errs.TooLarge, "The file has more than %d rows. Split it.", MaxRows)
		}
		line, _ := r.FieldPos(0)
		if strings.Join(rec, "") == "" {
			continue
		}
		if len(rec) != len(cols) {
			bad.Add(errs.Field{Line: line, Message: fmt.Sprintf("has %d cells; the header has %d columns", len(rec), len(cols))})
			continue
		}
		if row, ok := cells(rec, cols, line, bad); ok {
			rows = append(rows, row)
		}
	}
}

func syntax(err error) errs.Field {
	var pe *csv.ParseError
	if !errors.As(err, &pe) {
		return errs.Field{Message: "cannot be read: " + err.Error()}
	}
	msg := "is not CSV: " + pe.Err.Error()
	if errors.Is(pe.Err, csv.ErrQuote) || errors.Is(pe.Err, csv.ErrBareQuote) {
		msg = `has a quote that does not fit; put the whole cell in quotes and double those inside`
	}
	return errs.Field{Line: pe.StartLine, Message: msg}
}

// comma guesses the separator from the first line.
func comma(b []byte) rune {
	best, most, quoted := ',', 0, false
	count := map[byte]int{}
	for _, c := range b {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			count[c]++
		}
	}
	for _, c := range []byte{',', ';', '\t'} {
		if count[c] > most {
			best, most = rune(c), count[c]
		}
	}
	return best
}

func header(head []string, line int, s Schema) ([]column, error) {
	if len(head) > MaxColumns {
		return nil, errs.New(errs.Invalid, "The file has %d columns; at most %d fit.", len(head), MaxColumns)
	}
	var bad []errs.Field
	cols := make([]column, len(head))
	seen := map[string]bool{}
	for n, h := range head {
		h = strings.TrimSpace(h)
		c, err := s.column(h)
		if err != nil {
			bad = append(bad, errs.Field{Line: line, Path: fmt.Sprintf("column %d", n+1), Value: clip(h), Message: err.Error()})
			continue
		}
		key := fmt.Sprint(c.sort, c.name)
		if c.sort == jsonColumn {
			key = fmt.Sprint(attributeColumn, c.name)
		}
		if seen[key] {
			bad = append(bad, errs.Field{Line: line, Path: fmt.Sprintf("column %d", n+1), Value: clip(h), Message: "is there twice; take one out"})
		}
		seen[key], cols[n] = true, c
	}
	if !seen[fmt.Sprint(fieldColumn, "name")] && len(bad) == 0 {
		bad = append(bad, errs.Field{Line: line, Path: "name", Message: "is missing; one column must be called name"})
	}
	return cols, errs.Fields(bad...)
}

// cells makes a row; ok is false when a cell is wrong. An empty cell says nothing.
func cells(rec []string, cols []column, line int, bad *Mistakes) (Row, bool) {
	row, before := blank(line), bad.Total
	for n, c := range cols {
		v := strings.Clone(rec[n])
		if !utf8.ValidString(v) {
			bad.Add(errs.Field{Line: line, Path: c.head, Value: clip(strings.ToValidUTF8(v, "�")), Message: "must be text in UTF-8"})
			continue
		}
		if t := strings.TrimSpace(v); c.name != "description" {
			v = t
		}
		if v == "" {
			continue
		}
		empty := v == Clear
		switch c.sort {
		case fieldColumn:
			switch {
			case c.name == "name":
				row.Name = v
			case empty:
				row.Fields[c.name] = ""
			default:
				row.Fields[c.name] = v
			}
		case labelColumn:
			row.Labels[c.name] = nil
			if !empty {
				row.Labels[c.name] = &v
			}
		case attributeColumn:
			row.Attributes[c.name] = nil
			if !empty {
				row.Attributes[c.name] = v
			}
		case jsonColumn:
			row.Attributes[c.name] = nil
			if empty {
				break
			}
			var x any
			if err := json.Unmarshal([]byte(v), &x); err != nil {
				bad.Add(errs.Field{Line: line, Path: c.head, Value: clip(v), Message: `must be JSON: 8, true, "text" or ["a","b"]`})
				continue
			}
			row.Attributes[c.name] = x
		case relationColumn:
			row.Relations[c.name] = []string{}
			if !empty {
				row.Relations[c.name] = names(v)
			}
		}
	}
	if row.Name == "" && bad.Total == before {
		bad.Add(errs.Field{Line: line, Path: "name", Message: "is missing; every row names its item"})
	}
	return row, bad.Total == before
}

// List reads a cell that holds a list: words with ; between, or JSON.
func List(cell string) []any {
	var out []any
	if strings.HasPrefix(strings.TrimSpace(cell), "[") && json.Unmarshal([]byte(cell), &out) == nil {
		return out
	}
	out = []any{}
	for _, w := range strings.Split(cell, ";") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// names splits a cell of names; ; and | cannot be in a name.
func names(cell string) []string {
	out := []string{}
	for _, n := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '|' }) {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, n)
		}
	}
	return out
}

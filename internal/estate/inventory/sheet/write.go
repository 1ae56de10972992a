package sheet

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
)

// Columns are those of a file to write, beside the fields that every item has.
type Columns struct {
	Labels []string
	// Attributes by name; true where values other than text occur, which are then
	// written as JSON.
	Attributes []AttributeColumn
	Relations  []string
}

// AttributeColumn is the column of one attribute.
type AttributeColumn struct {
	Name string
	JSON bool
}

// CSVWriter writes rows that ReadCSV reads back as they were.
type CSVWriter struct {
	w    *csv.Writer
	cols Columns
}

// NewCSV writes the header.
func NewCSV(w io.Writer, c Columns) (*CSVWriter, error) {
	out := &CSVWriter{w: csv.NewWriter(w), cols: c}
	head := Fields()
	for _, l := range c.Labels {
		head = append(head, labelPrefix+l)
	}
	for _, a := range c.Attributes {
		h := AttributePrefix + a.Name
		if a.JSON {
			h += jsonSuffix
		}
		head = append(head, h)
	}
	head = append(head, c.Relations...)
	return out, out.w.Write(head)
}

// Write writes one row.
func (c *CSVWriter) Write(r Row) error {
	cells := make([]string, 0, 16)
	for _, f := range Fields() {
		v := r.Fields[f]
		if f == "name" {
			v = r.Name
		}
		cells = append(cells, v)
	}
	for _, l := range c.cols.Labels {
		v := ""
		if p := r.Labels[l]; p != nil {
			v = *p
		}
		cells = append(cells, v)
	}
	for _, a := range c.cols.Attributes {
		v, ok := r.Attributes[a.Name]
		s, _ := v.(string)
		if ok && a.JSON {
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			s = string(b)
		}
		cells = append(cells, s)
	}
	for _, t := range c.cols.Relations {
		cells = append(cells, strings.Join(r.Relations[t], ";"))
	}
	return c.w.Write(cells)
}

// Flush writes what is held back.
func (c *CSVWriter) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// Plain tells whether a text attribute can stand in a cell as it is: it would not
// be read back when it is empty, has space around it, or says that a cell is empty.
func Plain(v any) bool {
	s, ok := v.(string)
	return ok && s != "" && s != Clear && strings.TrimSpace(s) == s && !strings.Contains(s, "\r")
}

// Object is the row as a JSON object that ReadJSON reads back.
func (r Row) Object() map[string]any {
	out := map[string]any{"name": r.Name}
	for k, v := range r.Fields {
		out[k] = v
	}
	if len(r.Labels) > 0 {
		out["labels"] = r.Labels
	}
	if len(r.Attributes) > 0 {
		out["attributes"] = r.Attributes
	}
	for k, v := range r.Relations {
		if len(v) > 0 {
			out[k] = v
		}
	}
	return out
}

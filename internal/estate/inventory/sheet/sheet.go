package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Limits on a file.
const (
	MaxBytes   = 64 << 20
	MaxRows    = 200_000
	MaxColumns = 300
	// maxLine is the longest line of a file with one object a line, in bytes.
	maxLine = 1 << 20
)

// Clear is the cell that empties a field.
const Clear = "-"

// AttributePrefix is what the name of a column of an attribute begins with.
const AttributePrefix = "attribute:"

// More of the names of columns.
const (
	labelPrefix = "label:"
	jsonSuffix  = ":json"
)

// Fields are the columns that every item has, in the order in which they are written.
func Fields() []string {
	return []string{"name", "kind", "title", "owner", "criticality", "lifecycle", "description"}
}

// Row is one item as a file says it. What is not in it stays as it is.
type Row struct {
	// Line is the line of the file where it begins; in a JSON array it is the
	// position, from 1.
	Line int
	Name string
	// Fields holds title, kind, owner, criticality, lifecycle and description; ""
	// empties one.
	Fields map[string]string
	// Labels and Attributes: nil takes one out.
	Labels     map[string]*string
	Attributes map[string]any
	// Relations holds, by type, all names on the other side; an empty list takes all
	// of the type away.
	Relations map[string][]string
}

// Schema says which names a file may use.
type Schema struct {
	// Relations are the relation types.
	Relations []string
	// Attribute tells whether a column without a prefix is an attribute.
	Attribute func(name string) bool
}

// Mistakes gathers what is wrong, in the order of the file. Of what does not fit
// only the number is kept.
type Mistakes struct {
	Most  int
	List  []errs.Field
	Total int
	rows  map[int]bool
}

// Add keeps a mistake.
func (m *Mistakes) Add(fs ...errs.Field) {
	if m.rows == nil {
		m.rows = map[int]bool{}
	}
	for _, f := range fs {
		m.Total++
		m.rows[f.Line] = true
		if len(m.List) < m.Most {
			m.List = append(m.List, f)
		}
	}
}

// Rows is how many rows have mistakes.
func (m *Mistakes) Rows() int { return len(m.rows) }

// Has tells whether the row of a line has a mistake.
func (m *Mistakes) Has(line int) bool { return m.rows[line] }

// Sort puts the mistakes in the order of lines.
func (m *Mistakes) Sort() {
	slices.SortStableFunc(m.List, func(a, b errs.Field) int { return a.Line - b.Line })
}

type columnSort int

const (
	fieldColumn columnSort = iota
	labelColumn
	attributeColumn
	jsonColumn
	relationColumn
)

type column struct {
	sort columnSort
	// name of the field, label, attribute or relation.
	name string
	// head is the column as the file calls it.
	head string
}

// column reads a word of the header.
func (s Schema) column(head string) (column, error) {
	c := column{head: head}
	low := strings.ToLower(head)
	switch {
	case head == "":
		return c, fmt.Errorf("has no name; name it or take it out")
	case slices.Contains(Fields(), low):
		c.name = low
	case strings.HasPrefix(low, labelPrefix):
		c.sort, c.name = labelColumn, strings.TrimSpace(head[len(labelPrefix):])
	case strings.HasPrefix(low, AttributePrefix):
		c.sort, c.name = attributeColumn, strings.TrimSpace(head[len(AttributePrefix):])
		if n, ok := strings.CutSuffix(c.name, jsonSuffix); ok {
			c.sort, c.name = jsonColumn, n
		}
	case slices.Contains(s.Relations, low):
		c.sort, c.name = relationColumn, low
	case s.Attribute != nil && s.Attribute(head):
		c.sort, c.name = attributeColumn, head
	default:
		known := append(Fields(), s.Relations...)
		return c, fmt.Errorf("is not a known column%s; a new attribute is written %s%s, a label %s%s", strict.DidYouMean(low, known), AttributePrefix, head, labelPrefix, head)
	}
	if c.name == "" {
		return c, fmt.Errorf("names nothing after the colon")
	}
	return c, nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}

func blank(line int) Row {
	return Row{Line: line, Fields: map[string]string{}, Labels: map[string]*string{}, Attributes: map[string]any{}, Relations: map[string][]string{}}
}

package inventory

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// Limits on an item.
const (
	maxTitle       = 300
	maxDescription = 64 << 10
	// maxAttributes is the size of all attributes as JSON, in bytes.
	maxAttributes   = 64 << 10
	maxAttributeKey = 100
	maxLabels       = 64
	maxLabelValue   = 200
)

// manual is the source of an attribute that a person, a token or ops.yaml set;
// byDefault that of one which the kind gave a new item.
const (
	manual    = "manual"
	byDefault = "default"
)

// The states of life of an item.
const (
	planned = "planned"
	inUse   = "in_use"
	retired = "retired"
)

// Item is a row of items.
type Item struct {
	bun.BaseModel `bun:"items,alias:i"`

	ID          string             `bun:"id,pk"`
	Name        string             `bun:"name"`
	Title       string             `bun:"title"`
	Kind        string             `bun:"kind"`
	OwnerTeamID string             `bun:"owner_team_id"`
	Criticality estate.Criticality `bun:"criticality"`
	Lifecycle   string             `bun:"lifecycle"`
	Description string             `bun:"description"`
	Labels      map[string]string  `bun:"labels"`
	Attributes  map[string]any     `bun:"attributes"`
	// Sources holds the provenance of each attribute.
	Sources map[string]string `bun:"sources"`
	// Typed marks the fields that a person has set; a discovery leaves them.
	Typed map[string]bool `bun:"typed"`
	// Redundancy holds what it needs only some of.
	Redundancy []Group `bun:"redundancy"`
	// Folded is name and title in lower case, for filters.
	Folded    string    `bun:"folded"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`

	// claims are those to be written with the item.
	claims *claims
	// making tells that it has no row yet.
	making bool
}

func (i *Item) brief() estate.Item {
	return estate.Item{ID: i.ID, Name: i.Name, Title: i.Title, Kind: i.Kind, OwnerTeamID: i.OwnerTeamID, Criticality: i.Criticality, Lifecycle: i.Lifecycle, CreatedAt: i.CreatedAt.UTC()}
}

// clone copies the item deep enough to compare it later.
func (i *Item) clone() Item {
	c := *i
	c.Labels, c.Attributes, c.Sources, c.Typed = copyMap(i.Labels), copyMap(i.Attributes), copyMap(i.Sources), copyMap(i.Typed)
	c.Redundancy, c.claims = slices.Clone(i.Redundancy), nil
	return c
}

func copyMap[V any](m map[string]V) map[string]V {
	out := make(map[string]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func itemURL(name string) string { return "/estate/items/" + url.PathEscape(name) }

// Fields holds what to set on an item; nil leaves a field as it is.
type Fields struct {
	Name, Title, Kind, OwnerTeamID, Criticality, Lifecycle, Description *string
	// Labels and Attributes are merged: a nil value takes the key out.
	Labels     map[string]*string
	Attributes map[string]any
	// Discovered names fields (title, kind, criticality) that a discovery may fill
	// again.
	Discovered []string
	// Redundancy replaces the groups of the item.
	Redundancy *[]GroupBody
	// refsLater leaves it to the caller to check the items that attributes name.
	refsLater bool
}

var labelKey = regexp.MustCompile(`^[\pL\pN][\pL\pN._/-]{0,99}$`)

// set applies f as a person does, but for attributes, and gives every mistake.
func (i *Item) set(m *kind.Model, f Fields) []errs.Field {
	var bad []errs.Field
	add := func(err error) { bad = append(bad, errs.FieldsOf(err)...) }
	text := func(field string, dst, v *string, limit int) {
		if v == nil {
			return
		}
		add(checkText(field, *v, limit))
		*dst = *v
	}
	if f.Name != nil {
		add(account.CheckName("name", *f.Name))
		i.Name = *f.Name
	}
	if f.Title != nil {
		t := strings.TrimSpace(*f.Title)
		text("title", &i.Title, &t, maxTitle)
		i.Typed["title"] = t != ""
	}
	text("description", &i.Description, f.Description, maxDescription)
	if f.Kind != nil {
		add(m.CheckKind("kind", *f.Kind))
		i.Kind, i.Typed["kind"] = *f.Kind, true
	}
	if f.OwnerTeamID != nil {
		i.OwnerTeamID = *f.OwnerTeamID
	}
	if f.Criticality != nil {
		add(oneOf("criticality", *f.Criticality, string(estate.Low), string(estate.Medium), string(estate.High), string(estate.Critical)))
		i.Criticality, i.Typed["criticality"] = estate.Criticality(*f.Criticality), true
	}
	if f.Lifecycle != nil {
		add(oneOf("lifecycle", *f.Lifecycle, planned, inUse, retired))
		i.Lifecycle = *f.Lifecycle
	}
	add(i.mergeLabels(f.Labels))
	for n, name := range f.Discovered {
		path := fmt.Sprintf("discovered[%d]", n)
		add(oneOf(path, name, "title", "kind", "criticality"))
		delete(i.Typed, name)
	}
	return bad
}

func (i *Item) mergeLabels(in map[string]*string) error {
	var bad []errs.Field
	for k, v := range in {
		if v == nil {
			delete(i.Labels, k)
			continue
		}
		if !labelKey.MatchString(k) {
			bad = append(bad, errs.Field{Path: "labels", Value: short(k), Message: "a label's key must begin with a letter or digit and hold only letters, digits and . _ / - (at most 100)"})
		}
		if err := checkText("labels."+short(k), *v, maxLabelValue); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		}
		i.Labels[k] = *v
	}
	if len(i.Labels) > maxLabels {
		bad = append(bad, errs.Field{Path: "labels", Message: fmt.Sprintf("has %d labels; at most %d fit", len(i.Labels), maxLabels)})
	}
	sortFields(bad)
	return errs.Fields(bad...)
}

// normalize gives attributes the types that they have after a round trip through
// JSON, so that equal values compare as equal.
func normalize(in map[string]any) (map[string]any, error) {
	var bad []errs.Field
	for k := range in {
		if k == "" || len(k) > maxAttributeKey || !utf8.ValidString(k) || strings.ContainsFunc(k, unicode.IsControl) {
			bad = append(bad, errs.Field{Path: "attributes", Value: short(k), Message: fmt.Sprintf("an attribute's key must have 1 to %d bytes of text", maxAttributeKey)})
		}
	}
	if len(bad) > 0 {
		sortFields(bad)
		return nil, errs.Fields(bad...)
	}
	b, err := json.Marshal(in)
	if err != nil {
		return nil, errs.Fields(errs.Field{Path: "attributes", Message: "must hold only text, numbers, true, false, lists, and objects whose keys are text"})
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, errs.Fields(errs.Field{Path: "attributes", Message: "is not an object: " + err.Error()})
	}
	return out, nil
}

func checkText(path, s string, limit int) error {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return errs.Fields(errs.Field{Path: path, Message: "must be text in UTF-8"})
	case len(s) > limit:
		return errs.Fields(errs.Field{Path: path, Value: short(s), Message: fmt.Sprintf("has %d bytes; at most %d fit", len(s), limit)})
	case limit <= maxTitle && strings.ContainsFunc(s, unicode.IsControl):
		return errs.Fields(errs.Field{Path: path, Value: short(s), Message: "must be one line"})
	}
	return nil
}

func oneOf(path, v string, known ...string) error {
	if slices.Contains(known, v) {
		return nil
	}
	return errs.Fields(errs.Field{Path: path, Value: short(v), Message: "must be one of " + strings.Join(known, ", ")})
}

func sortFields(fs []errs.Field) {
	sort.Slice(fs, func(a, b int) bool { return fs[a].Path+fs[a].Value < fs[b].Path+fs[b].Value })
}

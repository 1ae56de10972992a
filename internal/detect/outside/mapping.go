package outside

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Mapping says how the JSON of a program becomes alerts. Its texts are templates: what
// stands in {{ }} is a path in the syntax of GJSON, such as {{host.name}} or
// {{checks.0.state}}, and is replaced by what is there. In "{{a|b}}" the first path that
// has something counts.
type Mapping struct {
	Name string `json:"name,omitempty" yaml:"name"`
	// Each is the path of the list of alerts; empty when the payload is one alert.
	Each     string `json:"each,omitempty" yaml:"each,omitempty" maxLength:"200" doc:"Path of the list of alerts, such as alerts; empty when the payload is one alert. Other paths begin at an entry then; $ is the whole payload, as in {{$.host}}."`
	Key      string `json:"key" yaml:"key" maxLength:"300" doc:"What is the same from the beginning to the end of an alert, such as {{check_id}}."`
	Title    string `json:"title" yaml:"title" maxLength:"300"`
	Text     string `json:"text,omitempty" yaml:"text,omitempty" maxLength:"2000"`
	Severity string `json:"severity,omitempty" yaml:"severity,omitempty" maxLength:"200" doc:"A word such as critical, or a template whose outcome is reduced to critical, warning or info. Critical if empty."`
	// State and Over decide whether it is over.
	State    string            `json:"state,omitempty" yaml:"state,omitempty" maxLength:"200" doc:"Where the state is, such as {{status}}."`
	Over     []string          `json:"over,omitempty" yaml:"over,omitempty" maxItems:"20" doc:"The states in which the alert is over, such as ok or resolved. Capitals do not matter."`
	Host     string            `json:"host,omitempty" yaml:"host,omitempty" maxLength:"200" doc:"Name or address of the host; a port or a web address around it does no harm."`
	Item     string            `json:"item,omitempty" yaml:"item,omitempty" maxLength:"200" doc:"Name of the item, if the program knows it."`
	Service  string            `json:"service,omitempty" yaml:"service,omitempty" maxLength:"200"`
	Began    string            `json:"began,omitempty" yaml:"began,omitempty" maxLength:"200" doc:"When it began: RFC 3339, or seconds or milliseconds since 1970."`
	Link     string            `json:"link,omitempty" yaml:"link,omitempty" maxLength:"500"`
	Labels   map[string]string `json:"labels,omitempty" yaml:"labels,omitempty"`
	EndAfter string            `json:"end_after,omitempty" yaml:"end_after,omitempty" maxLength:"20" doc:"Ends an alert that is not repeated for this long, such as 1h; for programs that do not say when it is over."`
}

var place = regexp.MustCompile(`\{\{\s*([^{}]+?)\s*\}\}`)

// check says what is wrong with the mapping.
func (m *Mapping) check() (time.Duration, error) {
	var bad []errs.Field
	wrong := func(path, value, message string) {
		bad = append(bad, errs.Field{Path: path, Value: short(value, 80), Message: message})
	}
	if m.Name == "" || strings.ContainsAny(m.Name, "/?# ") || len(m.Name) > 64 {
		wrong("name", m.Name, "must be a word of at most 64 characters without / ? # and spaces; it is part of the address")
	}
	if m.Key == "" {
		wrong("key", "", "must be given, such as {{id}}")
	}
	if m.Title == "" {
		wrong("title", "", "must be given, such as {{name}} failed")
	}
	if (m.State == "") != (len(m.Over) == 0) {
		wrong("over", "", "state and over belong together: where the state is, and which states end the alert")
	}
	if len(m.Labels) > maxLabels {
		wrong("labels", "", fmt.Sprintf("must be at most %d", maxLabels))
	}
	for path, t := range m.templates() {
		if len(t) > 2000 {
			wrong(path, t, "must have at most 2,000 characters")
		}
		if strings.Count(t, "{{") != strings.Count(t, "}}") || strings.Contains(place.ReplaceAllString(t, ""), "{{") {
			wrong(path, t, "has {{ without }} or the other way round")
		}
	}
	var after time.Duration
	if m.EndAfter != "" {
		var err error
		if after, err = time.ParseDuration(m.EndAfter); err != nil || after < time.Minute || after > 30*24*time.Hour {
			wrong("end_after", m.EndAfter, "must be a time from 1m to 720h, such as 30m")
		}
	}
	slices.SortFunc(bad, func(a, b errs.Field) int { return strings.Compare(a.Path, b.Path) })
	return after, errs.Fields(bad...)
}

func (m *Mapping) templates() map[string]string {
	out := map[string]string{
		"key": m.Key, "title": m.Title, "text": m.Text, "severity": m.Severity, "state": m.State, "host": m.Host, "item": m.Item, "service": m.Service, "began": m.Began, "link": m.Link,
	}
	for n, t := range m.Labels {
		out["labels."+n] = t
	}
	return out
}

// maxDepth of JSON that is read.
const maxDepth = 100

// Read makes alerts of a payload.
func (m *Mapping) Read(body []byte, now time.Time) (signal.Read, error) {
	after, err := m.check()
	if err != nil {
		return signal.Read{}, err
	}
	if !gjson.ValidBytes(body) || depth(body) > maxDepth {
		return signal.Read{}, errs.New(errs.Invalid, "The body is not JSON, or more than %d levels deep.", maxDepth)
	}
	whole := gjson.ParseBytes(body)
	entries := []gjson.Result{whole}
	if m.Each != "" {
		list := whole.Get(m.Each)
		if !list.IsArray() {
			return signal.Read{}, errs.New(errs.Invalid, "The payload has no list at %s.", m.Each)
		}
		if entries = list.Array(); len(entries) > signal.MaxAlerts {
			return signal.Read{}, errs.New(errs.TooLarge, "The request has more than %d alerts. Send fewer at once.", signal.MaxAlerts)
		}
	}
	var out signal.Read
	for i, e := range entries {
		a, why := m.alert(filler{whole: whole, entry: e})
		if why != "" {
			out.Bad = append(out.Bad, fmt.Sprintf("Alert %d: %s.", i+1, why))
			continue
		}
		if after > 0 && !a.Over {
			a.Ends = now.Add(after)
		}
		out.Alerts = append(out.Alerts, a)
	}
	return out, nil
}

func (m *Mapping) alert(f filler) (signal.Alert, string) {
	a := signal.Alert{Key: short(f.fill(m.Key), 300), Name: m.Name, Title: f.fill(m.Title), Text: f.fill(m.Text), Severity: signal.SeverityCritical}
	// Half a key would make one alert of several.
	if strings.TrimSpace(a.Key) == "" || f.lacks(m.Key) {
		return a, "the key " + m.Key + " is not complete there"
	}
	if m.State != "" {
		state := strings.TrimSpace(f.fill(m.State))
		a.Over = slices.ContainsFunc(m.Over, func(o string) bool { return strings.EqualFold(strings.TrimSpace(o), state) })
	}
	if s := f.fill(m.Severity); s != "" {
		a.Severity = signal.SeverityOf(s)
	}
	a.Hints.Item, a.Hints.Service = f.fill(m.Item), f.fill(m.Service)
	a.Hints.Host, a.Hints.Address = signal.HostOf(f.fill(m.Host))
	a.Began = when(f.fill(m.Began))
	if l := f.fill(m.Link); strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://") {
		a.Link = short(l, 2000)
	}
	for n, t := range m.Labels {
		if v := f.fill(t); v != "" {
			a.Labels = append(a.Labels, signal.Field{Name: n, Value: v})
		}
	}
	slices.SortFunc(a.Labels, func(x, y signal.Field) int { return strings.Compare(x.Name, y.Name) })
	return a, ""
}

// filler fills templates from a payload.
type filler struct{ whole, entry gjson.Result }

func (f filler) fill(t string) string {
	if !strings.Contains(t, "{{") {
		return t
	}
	return strings.TrimSpace(place.ReplaceAllStringFunc(t, func(s string) string { return f.value(place.FindStringSubmatch(s)[1]) }))
}

// lacks tells whether a place of a template has no value.
func (f filler) lacks(t string) bool {
	return slices.ContainsFunc(place.FindAllStringSubmatch(t, -1), func(m []string) bool { return f.value(m[1]) == "" })
}

func (f filler) value(paths string) string {
	for path := range strings.SplitSeq(paths, "|") {
		path = strings.TrimSpace(path)
		from := f.entry
		if rest, ok := strings.CutPrefix(path, "$."); ok {
			from, path = f.whole, rest
		}
		if v := from.Get(path); v.Exists() && v.Type != gjson.Null && v.String() != "" {
			return short(v.String(), maxBody)
		}
	}
	return ""
}

// when reads a time; the zero value for what is none.
func when(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC()
	}
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || n <= 0 || n > 4e12:
		return time.Time{}
	case n > 4e10:
		return time.UnixMilli(int64(n)).UTC()
	}
	return time.Unix(int64(n), 0).UTC()
}

// depth of the deepest value.
func depth(b []byte) int {
	n, most, quoted := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			n++
			most = max(most, n)
		case c == '}' || c == ']':
			n--
		}
	}
	return most
}

package payload

import (
	"encoding/json"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Field takes one figure out of a JSON payload.
type Field struct {
	// Path such as readings[0].t; empty is the whole payload.
	Path string `json:"path" yaml:"path" maxLength:"200" doc:"Where in the JSON, such as readings[0].temp."`
	// Metric is the name without prefix and unit.
	Metric string  `json:"metric" yaml:"metric" maxLength:"100" doc:"Name of the figure, such as temperature."`
	Unit   string  `json:"unit,omitempty" yaml:"unit,omitempty" maxLength:"40" doc:"As the device sends it, such as °F."`
	Scale  float64 `json:"scale,omitempty" yaml:"scale,omitempty" doc:"Multiplied first; 0 is 1."`
}

// Template says what topics of a shape mean.
type Template struct {
	Name string
	// Topic has {site} {building} {floor} {room} {device} {metric}, + for any level and
	// # at the end.
	Topic string
	// Unit and Scale are for plain numbers; Fields for JSON. Without Fields all of the
	// JSON is taken.
	Unit   string
	Scale  float64
	Fields []Field
	// Device is the name of the device when the topic does not tell.
	Device string
	// Owner is the client that it is for; empty is any.
	Owner string
	// Ignore leaves the topics out.
	Ignore bool
}

var words = []string{"site", "building", "floor", "room", "device", "metric"}

// Check tells what is wrong with a template.
func (t *Template) Check() error {
	var bad []errs.Field
	levels := strings.Split(t.Topic, "/")
	seen := map[string]bool{}
	if t.Topic == "" || len(t.Topic) > 500 {
		bad = append(bad, errs.Field{Path: "topic", Value: t.Topic, Message: "must be a topic such as {site}/{room}/{device}/{metric}"})
	}
	for i, l := range levels {
		if w, ok := placeholder(l); ok {
			known := false
			for _, k := range words {
				known = known || k == w
			}
			if !known {
				bad = append(bad, errs.Field{Path: "topic", Value: t.Topic, Message: "may name {site}, {building}, {floor}, {room}, {device} and {metric}; {" + w + "} is none of them"})
			} else if seen[w] {
				bad = append(bad, errs.Field{Path: "topic", Value: t.Topic, Message: "names {" + w + "} twice"})
			}
			seen[w] = true
		} else if strings.ContainsAny(l, "{}") || strings.ContainsAny(l, "+#") && len(l) > 1 || l == "#" && i < len(levels)-1 {
			bad = append(bad, errs.Field{Path: "topic", Value: t.Topic, Message: "must have {…}, + and # alone between slashes, and # last"})
			break
		}
	}
	if !seen["device"] && t.Device == "" && !t.Ignore {
		bad = append(bad, errs.Field{Path: "device", Message: "is missing; without {device} in the topic it must be named here"})
	}
	for _, f := range t.Fields {
		if Word(f.Metric) == "" {
			bad = append(bad, errs.Field{Path: "fields", Value: f.Path, Message: "must each have a metric such as temperature"})
		}
	}
	if len(t.Fields) > 100 {
		bad = append(bad, errs.Field{Path: "fields", Message: "may be 100 at most"})
	}
	return errs.Fields(bad...)
}

func placeholder(level string) (string, bool) {
	if len(level) > 2 && level[0] == '{' && level[len(level)-1] == '}' {
		return level[1 : len(level)-1], true
	}
	return "", false
}

func (t *Template) match(topic string) (map[string]string, bool) {
	vars := map[string]string{}
	p, s := t.Topic, topic
	for {
		l, rest, more := strings.Cut(p, "/")
		v, left, has := strings.Cut(s, "/")
		if l == "#" {
			return vars, true
		}
		if w, ok := placeholder(l); ok && v != "" {
			if w == "metric" && !more {
				vars[w] = s
				return vars, true
			}
			vars[w] = v
		} else if l != "+" && l != v {
			return nil, false
		}
		if !more || !has {
			return vars, more == has || more && rest == "#"
		}
		p, s = rest, left
	}
}

func (t *Template) decode(vars map[string]string, data []byte) Result {
	if t.Ignore {
		return Result{Known: true}
	}
	name := vars["device"]
	if name == "" {
		name = t.Device
	}
	building := vars["building"]
	if building == "" {
		building = vars["site"]
	}
	key := "template/" + t.Name + "/" + strings.Join([]string{building, vars["floor"], vars["room"], name}, "/")
	rep := Report{Device: key, Name: name, Format: "template", Info: Info{Building: building, Floor: vars["floor"], Room: vars["room"]}}
	out := Result{Known: true}
	metric := strings.ReplaceAll(vars["metric"], "/", "_")
	if n, ok := number(data); ok && len(t.Fields) == 0 {
		rep.add(measure(metric, "", t.Unit, n*scale(t.Scale)))
	} else {
		var v any
		if deep(data) || json.Unmarshal(data, &v) != nil {
			out.Problem = "It is neither a number nor JSON."
			return out
		}
		obj, isObject := v.(map[string]any)
		switch {
		case len(t.Fields) > 0:
			for _, f := range t.Fields {
				if x, ok := at(v, f.Path); ok {
					if n, ok := figure(x); ok {
						rep.add(measure(f.Metric, "", f.Unit, n*scale(f.Scale)))
					}
				}
			}
			if len(rep.Values) == 0 {
				out.Problem = "None of the paths of the template leads to a number."
			}
			for _, s := range stamps {
				if at, ok := clock(obj[s]); ok {
					rep.At = at
					break
				}
			}
		case isObject:
			flatten(&rep, obj, metric)
		default:
			out.Problem = "The JSON is no object."
			return out
		}
	}
	out.Reports = []Report{rep}
	return out
}

func scale(s float64) float64 {
	if s == 0 {
		return 1
	}
	return s
}

// Matches tells whether the template explains a topic.
func (t *Template) Matches(topic string) bool {
	_, ok := t.match(topic)
	return ok
}

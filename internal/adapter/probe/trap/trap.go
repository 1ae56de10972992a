// Package trap is the check that waits for SNMP traps and informs. It asks nobody:
// observe.trap hands it what was received.
package trap

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says which traps matter and what they mean.
type Config struct {
	Traps []string `json:"traps" yaml:"traps" doc:"Traps that are a problem, by name or OID, for example linkDown. An OID that ends in .* stands for all below it." required:"true"`
	State string   `json:"state,omitempty" yaml:"state,omitempty" doc:"How bad that is." enum:"warning,critical"`
	Clear []string `json:"clear,omitempty" yaml:"clear,omitempty" doc:"Traps that end the problem, for example linkUp."`
	Where []string `json:"where,omitempty" yaml:"where,omitempty" doc:"Only traps with these values, written as name=text or OID=text, for example ifName=Gi0/1; the text may be a /regular expression/. They hold for the traps that end it too."`
	Per   string   `json:"per,omitempty" yaml:"per,omitempty" doc:"Name or OID of a value that tells problems apart, for example ifIndex: each must be ended by itself."`
	Text  string   `json:"text,omitempty" yaml:"text,omitempty" doc:"What the check says, with {trap}, {address} and names of values such as {ifDescr}. Without it, the trap and its values."`

	Reset observe.Duration `json:"reset_after,omitempty" yaml:"reset_after,omitempty" doc:"A problem that no trap ended is taken for ended after this time; never when not given."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "trap", Title: "SNMP trap",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Traps = []string{t}
			return c, c.Validate()
		},
	})
}

func newConfig() *Config { return &Config{State: "critical"} }

const maxEntries = 100

var nameRE = regexp.MustCompile(`^\.?(?:[A-Za-z][A-Za-z0-9-]{0,63}|[0-9]+(?:\.[0-9]+)*(?:\.\*)?)$`)

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if len(c.Traps) == 0 {
		f.Add("traps", "", "must have at least one trap, for example linkDown")
	}
	for name, list := range map[string][]string{"traps": c.Traps, "clear": c.Clear} {
		if len(list) > maxEntries {
			f.Add(name, "", "has more than %d entries", maxEntries)
		}
		for i, t := range list {
			if !nameRE.MatchString(t) {
				f.Add(fmt.Sprintf("%s[%d]", name, i), t, "must be the name or the OID of a trap")
			}
		}
	}
	if c.State != "warning" && c.State != "critical" {
		f.Add("state", c.State, "must be warning or critical")
	}
	if len(c.Where) > maxEntries {
		f.Add("where", "", "has more than %d entries", maxEntries)
	}
	for i, w := range c.Where {
		if _, err := condition(w); err != nil {
			f.Add(fmt.Sprintf("where[%d]", i), w, "%s", err)
		}
	}
	if c.Per != "" && !nameRE.MatchString(c.Per) {
		f.Add("per", c.Per, "must be the name or the OID of a value, for example ifIndex")
	}
	if len(c.Text) > 500 {
		f.Add("text", "", "must have at most 500 characters")
	}
	if c.Reset != 0 && c.Reset.D() < time.Second {
		f.Add("reset_after", c.Reset.String(), "must be at least 1s")
	}
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return strings.Join(c.Traps, ", ") }

// Waits implements observe.Waiting.
func (c *Config) Waits() {}

// ResetAfter is after how long a problem that nothing ended is taken for ended; 0 is
// never.
func (c *Config) ResetAfter() time.Duration { return c.Reset.D() }

// Probe implements observe.ProbeConfig: when somebody runs it by hand, it says why
// there is nothing to run.
func (c *Config) Probe(observe.ProbeEnv) (observe.Probe, error) { return idle{}, nil }

type idle struct{}

// Run implements observe.Probe.
func (idle) Run(context.Context) observe.Result {
	return observe.Result{Status: observe.Unknown, Output: "This check waits for traps; it cannot be run.", Start: time.Now()}
}

// Judge tells what t means; ok is false when it is not about this check. key tells
// problems of one check apart, such as its interfaces.
func (c *Config) Judge(t snmptrap.Notice) (status observe.Status, key, output string, ok bool) {
	switch {
	case listed(c.Clear, t):
		status = observe.OK
	case listed(c.Traps, t):
		status = observe.Critical
		if c.State == "warning" {
			status = observe.Warning
		}
	default:
		return status, "", "", false
	}
	for _, w := range c.Where {
		cond, err := condition(w)
		if err != nil || !cond.holds(t) {
			return status, "", "", false
		}
	}
	if c.Per != "" {
		for _, x := range t.Vars {
			if about(x, c.Per) {
				key = x.Text
				break
			}
		}
	}
	return status, key, c.say(t), true
}

func listed(names []string, t snmptrap.Notice) bool {
	for _, n := range names {
		n = strings.TrimPrefix(n, ".")
		if root, ok := strings.CutSuffix(n, ".*"); ok {
			if _, under := t.OID.Under(snmp.OID(root)); under {
				return true
			}
			continue
		}
		if strings.EqualFold(n, t.Name) || n == string(t.OID) {
			return true
		}
	}
	return false
}

// about tells whether a value goes by the name or the OID, with or without its index.
func about(v snmptrap.Value, name string) bool {
	name = strings.TrimPrefix(name, ".")
	if v.Name != "" && strings.EqualFold(v.Name, name) || string(v.OID) == name {
		return true
	}
	if name == "" || name[0] < '0' || name[0] > '9' {
		return false
	}
	_, under := v.OID.Under(snmp.OID(name))
	return under
}

type cond struct {
	name, text string
	re         *regexp.Regexp
}

func condition(s string) (cond, error) {
	name, text, ok := strings.Cut(s, "=")
	if name = strings.TrimSpace(name); !ok || !nameRE.MatchString(name) || len(s) > 500 {
		return cond{}, fmt.Errorf("must be written as name=text, for example ifName=Gi0/1")
	}
	text = strings.TrimSpace(text)
	if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		re, err := regexp.Compile(text[1 : len(text)-1])
		if err != nil {
			return cond{}, fmt.Errorf("has an expression that cannot be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return cond{name: name, re: re}, nil
	}
	return cond{name: name, text: text}, nil
}

func (c cond) holds(t snmptrap.Notice) bool {
	for _, v := range t.Vars {
		if about(v, c.name) && (c.re != nil && c.re.MatchString(v.Text) || c.re == nil && c.text == v.Text) {
			return true
		}
	}
	return false
}

var placeRE = regexp.MustCompile(`\{([A-Za-z0-9.-]+)\}`)

func (c *Config) say(t snmptrap.Notice) string {
	name := t.Name
	if name == "" {
		name = string(t.OID)
	}
	if c.Text == "" {
		parts := []string{}
		for _, v := range t.Vars {
			n := v.Name
			if n == "" {
				n = string(v.OID)
			}
			parts = append(parts, n+"="+v.Text)
		}
		if len(parts) == 0 {
			return name
		}
		return cut(name+": "+strings.Join(parts, ", "), 500)
	}
	return cut(placeRE.ReplaceAllStringFunc(c.Text, func(m string) string {
		switch n := m[1 : len(m)-1]; n {
		case "trap":
			return name
		case "address":
			return t.Address
		default:
			for _, v := range t.Vars {
				if about(v, n) {
					return v.Text
				}
			}
			return m
		}
	}), 1000)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

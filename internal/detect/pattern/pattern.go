package pattern

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern/usual"
)

// Marks that a person can give.
const (
	Known   = "known"
	Muted   = "muted"
	Notable = "notable"
)

// badWords are the words that make a line worth a look.
var badWords = regexp.MustCompile(`(?i)\b(errors?|fail(?:ed|ure|s|ing)?|panic|fatal|exception|critical|denied|refused|timed? ?out|corrupt(?:ed|ion)?|out of memory|oom|segfault|abort(?:ed)?|unreachable|overflow|deadlock)\b`)

// wordsOf are the words of severity in a template, each once, in lower case.
func wordsOf(template string) []string {
	out := []string{}
	for _, w := range badWords.FindAllString(template, 16) {
		if w = strings.ToLower(w); !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Policy says which signals become alerts.
type Policy struct {
	Name  string   `yaml:"name" json:"name,omitempty" maxLength:"200" doc:"Taken from the path when it is there."`
	Kinds []string `yaml:"kinds,omitempty" json:"kinds,omitempty" maxItems:"3" doc:"new, exploding, vanished; all when empty."`
	// Words is a regular expression on the template.
	Words    string   `yaml:"words,omitempty" json:"words,omitempty" maxLength:"1000" doc:"Regular expression that the template must contain, in any case, such as error|fail|panic; every template when empty."`
	Items    []string `yaml:"items,omitempty" json:"items,omitempty" maxItems:"200" doc:"Names of items; lines of every item and of none when empty."`
	Notable  bool     `yaml:"notable,omitempty" json:"notable,omitempty" doc:"Only patterns that somebody marked as notable."`
	Severity string   `yaml:"severity,omitempty" json:"severity,omitempty" enum:"critical,warning" doc:"warning when empty."`
	Enabled  *bool    `yaml:"enabled,omitempty" json:"enabled,omitempty" doc:"true when not given."`
}

func (p Policy) severity() string {
	if p.Severity == "" {
		return "warning"
	}
	return p.Severity
}

var kinds = []string{string(usual.New), string(usual.Exploding), string(usual.Vanished)}

// check says everything that is wrong with a policy, and gives its expression.
func (p Policy) check() (*regexp.Regexp, error) {
	bad := errs.FieldsOf(account.CheckName("name", p.Name))
	for i, k := range p.Kinds {
		if !slices.Contains(kinds, k) {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("kinds[%d]", i), Value: k, Message: "must be new, exploding or vanished"})
		}
	}
	if s := p.Severity; s != "" && s != "critical" && s != "warning" {
		bad = append(bad, errs.Field{Path: "severity", Value: s, Message: "must be critical or warning"})
	}
	if len(p.Words) > 1000 {
		return nil, errs.Fields(append(bad, errs.Field{Path: "words", Message: "must have at most 1000 characters"})...)
	}
	re, err := regexp.Compile("(?i)" + p.Words)
	if err != nil {
		bad = append(bad, errs.Field{Path: "words", Value: p.Words, Message: "is no regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")})
	}
	return re, errs.Fields(bad...)
}

// ready is a policy with its expression.
type ready struct {
	Policy

	words *regexp.Regexp
}

// takes tells whether a signal is one of the policy's.
func (p ready) takes(kind usual.State, item, template, mark string) bool {
	return (p.Enabled == nil || *p.Enabled) &&
		(len(p.Kinds) == 0 || slices.Contains(p.Kinds, string(kind))) &&
		(len(p.Items) == 0 || slices.Contains(p.Items, item)) &&
		(!p.Notable || mark == Notable) &&
		p.words.MatchString(template)
}

type signalRow struct {
	bun.BaseModel `bun:"pattern_signals"`

	ID        string     `bun:"id,pk"`
	Pattern   string     `bun:"pattern"`
	Item      string     `bun:"item"`
	Kind      string     `bun:"kind"`
	Template  string     `bun:"template"`
	Example   string     `bun:"example"`
	Recent    float64    `bun:"recent"`
	Expected  float64    `bun:"expected"`
	Why       string     `bun:"why"`
	Policy    string     `bun:"policy"`
	StartedAt time.Time  `bun:"started_at"`
	EndedAt   *time.Time `bun:"ended_at"`
	Reason    string     `bun:"reason"`
}

type markRow struct {
	bun.BaseModel `bun:"pattern_marks"`

	Pattern string    `bun:"pattern,pk"`
	Mark    string    `bun:"mark"`
	Comment string    `bun:"comment"`
	By      string    `bun:"by_name"`
	At      time.Time `bun:"at"`
}

type policyRow struct {
	bun.BaseModel `bun:"pattern_policies"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	Version   int64     `bun:"version"`
	UpdatedAt time.Time `bun:"updated_at"`
}

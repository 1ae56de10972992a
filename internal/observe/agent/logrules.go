package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	maxLogRules = 500
	defaultRate = 1000
	defaultLine = 32 << 10
)

var ruleNameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9 ._-]{0,63}$`)

// LogRule says which logs agents read: the entry in ops.yaml and the body of the API.
type LogRule struct {
	Name string `yaml:"name" json:"name,omitempty" maxLength:"64" doc:"Taken from the path when it is there."`
	// Agents and Labels choose; without both it is for every agent.
	Agents []string          `yaml:"agents,omitempty" json:"agents,omitempty" maxItems:"1000" doc:"Names of hosts. Without hosts and labels the rule is for every agent."`
	Labels map[string]string `yaml:"labels,omitempty" json:"labels,omitempty" doc:"Labels that the agent must have, all of them."`

	Journal bool      `yaml:"journal,omitempty" json:"journal,omitempty" doc:"Read the journal of systemd."`
	Units   []string  `yaml:"units,omitempty" json:"units,omitempty" maxItems:"100" doc:"Only these units of the journal; they may hold * and ?."`
	Files   []LogFile `yaml:"files,omitempty" json:"files,omitempty" maxItems:"100"`
	// LinesPerSecond is for each agent.
	LinesPerSecond int   `yaml:"lines_per_second,omitempty" json:"lines_per_second,omitempty" minimum:"0" maximum:"50000" doc:"What is more is read later. 1,000 when not given."`
	MaxLineBytes   int   `yaml:"max_line_bytes,omitempty" json:"max_line_bytes,omitempty" minimum:"0" maximum:"262144" doc:"Longer lines are cut. 32,768 when not given."`
	Enabled        *bool `yaml:"enabled,omitempty" json:"enabled,omitempty" doc:"true when not given."`
}

// LogFile is a file or a pattern.
type LogFile struct {
	Path   string `yaml:"path" json:"path" maxLength:"1000" doc:"Absolute path; the name may hold * and ?."`
	Begins string `yaml:"begins,omitempty" json:"begins,omitempty" maxLength:"1000" doc:"Expression that the first line of an entry matches; others continue it. Without it lines continue that begin with white space."`
	App    string `yaml:"app,omitempty" json:"app,omitempty" maxLength:"100" doc:"Name of the program, which helps to recognize the format."`
}

type logRuleRow struct {
	bun.BaseModel `bun:"agent_logs"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	Version   int64     `bun:"version"`
	UpdatedAt time.Time `bun:"updated_at"`
}

func (r logRuleRow) rule() (LogRule, error) {
	var l LogRule
	err := json.Unmarshal([]byte(r.Spec), &l)
	l.Name = r.Name
	return l, err
}

func (l LogRule) check() error {
	var bad []errs.Field
	add := func(path, value, msg string) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: msg})
	}
	if !ruleNameRE.MatchString(l.Name) {
		add("name", l.Name, "must be 1 to 64 small letters, digits, spaces, dots, dashes and underscores, for example web servers")
	}
	if !l.Journal && len(l.Files) == 0 {
		add("files", "", "or journal is needed, else the rule reads nothing")
	}
	if !l.Journal && len(l.Units) > 0 {
		add("units", strings.Join(l.Units, ", "), "are of the journal; set journal: true as well")
	}
	for i, u := range l.Units {
		if u == "" || len(u) > 200 || strings.HasPrefix(u, "-") || strings.ContainsAny(u, " /\x00\n") {
			add(fmt.Sprintf("units[%d]", i), u, "must be the name of a unit, for example nginx.service or app-*.service")
		}
	}
	for i, f := range l.Files {
		p := fmt.Sprintf("files[%d]", i)
		if !strings.HasPrefix(f.Path, "/") && !windowsPath.MatchString(f.Path) || strings.Contains(f.Path, "..") || strings.ContainsRune(f.Path, 0) {
			add(p+".path", f.Path, "must be an absolute path without .., for example /var/log/app/*.log")
		} else if _, err := path.Match(f.Path, ""); err != nil && strings.HasPrefix(f.Path, "/") {
			add(p+".path", f.Path, "is not a pattern that can be read")
		}
		if _, err := regexp.Compile(f.Begins); err != nil {
			add(p+".begins", f.Begins, "is not an expression: "+err.Error())
		}
	}
	if l.LinesPerSecond < 0 || l.LinesPerSecond > 50_000 {
		add("lines_per_second", fmt.Sprint(l.LinesPerSecond), "must be 0 to 50000")
	}
	if l.MaxLineBytes != 0 && (l.MaxLineBytes < 256 || l.MaxLineBytes > agentwire.MaxLineBytes) {
		add("max_line_bytes", fmt.Sprint(l.MaxLineBytes), "must be 256 to 262144")
	}
	if len(bad) > 0 {
		return errs.Fields(bad...)
	}
	return nil
}

var windowsPath = regexp.MustCompile(`^[A-Za-z]:\\`)

// concerns tells whether the rule is for an agent.
func (l LogRule) concerns(name string, labels map[string]string) bool {
	if l.Enabled != nil && !*l.Enabled {
		return false
	}
	if len(l.Agents) > 0 && !slices.Contains(l.Agents, name) {
		return false
	}
	for k, v := range l.Labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// logsFor joins the rules for an agent. Where two differ the larger limit counts, and
// a rule for all of the journal counts before one for some units.
func logsFor(rules []LogRule, name string, labels map[string]string) agentwire.Logs {
	var out agentwire.Logs
	all := false
	for _, l := range rules {
		if !l.concerns(name, labels) {
			continue
		}
		rate, line := l.LinesPerSecond, l.MaxLineBytes
		if rate == 0 {
			rate = defaultRate
		}
		if line == 0 {
			line = defaultLine
		}
		out.LinesPerSecond, out.MaxLineBytes = max(out.LinesPerSecond, rate), max(out.MaxLineBytes, line)
		if l.Journal {
			out.Journal = true
			all = all || len(l.Units) == 0
			for _, u := range l.Units {
				if !slices.Contains(out.Units, u) {
					out.Units = append(out.Units, u)
				}
			}
		}
		for _, f := range l.Files {
			if !slices.ContainsFunc(out.Files, func(o agentwire.LogFile) bool { return o.Path == f.Path }) {
				out.Files = append(out.Files, agentwire.LogFile{Path: f.Path, Begins: f.Begins, App: f.App})
			}
		}
	}
	if all {
		out.Units = nil
	}
	slices.Sort(out.Units)
	return out
}

func logRules(ctx context.Context, q bun.IDB) ([]LogRule, error) {
	var rows []logRuleRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]LogRule, 0, len(rows))
	for _, r := range rows {
		l, err := r.rule()
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// loadRules makes the stored rules work.
func (s *Service) loadRules(ctx context.Context) error {
	ls, err := logRules(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	s.rules.Store(&ls)
	s.generation.Add(1)
	return nil
}

func (s *Service) rulesChanged(ctx context.Context, tx *db.Tx) {
	ctx = context.WithoutCancel(ctx)
	tx.AfterCommit(func() {
		if err := s.loadRules(ctx); err != nil {
			s.d.Logger.Error("the rules for logs of agents could not be read", "error", err)
		}
		s.changed("")
	})
}

func logRuleRef(name string) entity.Ref { return entity.Ref{Kind: "agent_logs", ID: name} }

// putLogRule makes or changes a rule.
func (s *Service) putLogRule(ctx context.Context, tx *db.Tx, l LogRule) (apply.Outcome, error) {
	if err := l.check(); err != nil {
		return "", err
	}
	var old logRuleRow
	err := db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", l.Name).Scan(ctx), "none")
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	made := err != nil
	b, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	c := audit.Change{Action: "agent_logs.create", Ref: logRuleRef(l.Name), Name: l.Name, After: l}
	if made {
		if n, err := tx.NewSelect().Model((*logRuleRow)(nil)).Count(ctx); err != nil || n >= maxLogRules {
			if err == nil {
				err = errs.New(errs.Conflict, "There are %d rules already. Remove one first.", n)
			}
			return "", err
		}
	} else {
		if old.Spec == string(b) {
			return apply.Unchanged, nil
		}
		before, err := old.rule()
		if err != nil {
			return "", err
		}
		c.Action, c.Before = "agent_logs.update", before
	}
	r := logRuleRow{Name: l.Name, Spec: string(b), Version: old.Version + 1, UpdatedAt: tx.Now()}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	s.rulesChanged(ctx, tx)
	if err := audit.Write(ctx, tx, c); err != nil {
		return "", err
	}
	if made {
		return apply.Created, nil
	}
	return apply.Updated, nil
}

func (s *Service) removeLogRule(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var old logRuleRow
		if err := db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", name).Scan(ctx), "There is no rule %q for logs of agents.", name); err != nil {
			return err
		}
		before, err := old.rule()
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return err
		}
		s.rulesChanged(ctx, tx)
		return audit.Write(ctx, tx, audit.Change{Action: "agent_logs.delete", Ref: logRuleRef(name), Name: name, Before: before})
	})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "agent_logs", Order: 60, Need: WriteAgents, New: func() any { return &LogRule{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.putLogRule(ctx, tx, *entry.(*LogRule))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ls, err := logRules(ctx, q)
			out := make([]any, len(ls))
			for i, l := range ls {
				out[i] = l
			}
			return out, err
		},
	}}
}

package rule

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// maxRules limits how many there may be.
const maxRules = 20_000

// Service is the use cases around rules and objectives.
type Service struct {
	db        *db.DB
	events    *event.Log
	live      *live.Hub
	items     estate.Items
	incidents respond.Incidents
	metrics   observe.Metrics
	appender  observe.Appender
	logs      observe.Logs
	render    eval.Renderer
	retention time.Duration
	engine    *engine
	stop      context.CancelFunc
	done      chan struct{}
}

// free passes every version.
func free(int64) error { return nil }

// save makes or changes a rule. origin names the objective that it belongs to; a rule
// of an objective is only changed through it.
func (s *Service) save(ctx context.Context, tx *db.Tx, r Rule, origin string, ifMatch func(int64) error) (apply.Outcome, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	if r.Logs != "" && s.logs != nil {
		if err := s.logs.CheckLogs(eval.CountLines(r.Logs)); err != nil {
			return "", asField("logs", r.Logs, err)
		}
	}
	teamID, err := s.team(ctx, tx, r)
	if err != nil {
		return "", err
	}
	old, err := byName(ctx, tx, r.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if found && old.Origin != origin {
		return "", errs.New(errs.Conflict, "The rule %s belongs to the objective %s. Change that instead.", r.Name, old.Origin)
	}
	if found {
		if err := access.Check(ctx, detect.WriteRules, old.TeamID); err != nil {
			return "", err
		}
	} else if err := s.room(ctx, tx); err != nil {
		return "", err
	}
	if err := ifMatch(old.Version); err != nil {
		return "", err
	}
	spec, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	if found && old.Spec == string(spec) && old.TeamID == teamID {
		return apply.Unchanged, nil
	}
	n := row{
		Name: r.Name, Spec: string(spec), Severity: r.severity(), Enabled: r.on(), Origin: origin, TeamID: teamID,
		Folded: strings.ToLower(r.Name + "\n" + r.Description + "\n" + r.Expr + r.Logs), CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1,
	}
	ch := audit.Change{Action: "rule.create", Ref: entity.Ref{Kind: detect.RuleKind, ID: r.Name}, Name: r.Name, After: r}
	outcome := apply.Created
	if found {
		before, err := old.rule()
		if err != nil {
			return "", err
		}
		n.CreatedAt, n.Version = old.CreatedAt, old.Version+1
		ch.Action, ch.Before, outcome = "rule.update", before, apply.Updated
	}
	if _, err := tx.NewInsert().Model(&n).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: detect.RuleKind, RefID: r.Name, Name: r.Name, Title: r.Name, Body: r.Description + "\n" + r.Expr + r.Logs, URL: detect.RulePath + r.Name}); err != nil {
		return "", err
	}
	if err := s.begin(ctx, tx, n, r); err != nil {
		return "", err
	}
	return outcome, audit.Write(ctx, tx, ch)
}

// begin hands a rule to the engine once the transaction is done, or ends what it
// raised when it is off.
func (s *Service) begin(ctx context.Context, tx *db.Tx, n row, r Rule) error {
	rows, err := instances(ctx, tx, r.Name)
	if err != nil {
		return err
	}
	if !r.on() || r.Record != "" {
		if err := s.endAll(ctx, tx, r, rows, "The rule was switched off."); err != nil {
			return err
		}
		rows = nil
	}
	kept, err := toInstances(rows)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		if r.on() {
			s.engine.set(r, n.Version, n.TeamID, kept, s.db.Clock().Now())
		} else {
			s.engine.drop(r.Name)
		}
		s.live.Send(live.Note{Topic: "rules", Kind: "changed", ID: r.Name})
	})
	return nil
}

func toInstances(rows []instanceRow) ([]eval.Instance, error) {
	out := make([]eval.Instance, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.instance(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// endAll ends what a rule has raised, with a reason.
func (s *Service) endAll(ctx context.Context, tx *db.Tx, r Rule, rows []instanceRow, why string) error {
	for _, x := range rows {
		i, err := x.instance()
		if err != nil {
			return err
		}
		if err := s.ended(ctx, tx, r, eval.Change{Instance: i, From: i.State, To: eval.Inactive, At: tx.Now(), Why: why}); err != nil {
			return err
		}
	}
	return nil
}

// asField says what is wrong with a question in LogsQL where the rule holds it.
func asField(path, value string, err error) error {
	if !errs.Is(err, errs.Invalid) {
		return err
	}
	msg := errs.Message(err)
	if fs := errs.FieldsOf(err); len(fs) > 0 {
		msg = fs[0].Message
	}
	return errs.Fields(errs.Field{Path: path, Value: value, Message: msg})
}

func (s *Service) room(ctx context.Context, tx *db.Tx) error {
	var n int
	if err := tx.NewRaw("SELECT count(*) FROM rules").Scan(ctx, &n); err != nil {
		return err
	}
	if n >= maxRules {
		return errs.New(errs.TooMany, "There are %d rules, which is the limit. Remove one first.", maxRules)
	}
	return nil
}

// team resolves the owner and checks that whoever acts may write for it.
func (s *Service) team(ctx context.Context, tx *db.Tx, r Rule) (string, error) {
	teamID := ""
	if r.Team != "" {
		t, err := account.TeamByName(ctx, tx, r.Team)
		if errs.Is(err, errs.NotFound) {
			return "", errs.Fields(errs.Field{Path: "team", Value: r.Team, Message: "is not the name of a team"})
		}
		if err != nil {
			return "", err
		}
		teamID = t.ID
	}
	if r.Item != "" {
		if _, err := s.items.ByName(ctx, tx, r.Item); errs.Is(err, errs.NotFound) {
			return "", errs.Fields(errs.Field{Path: "item", Value: r.Item, Message: "is not the name of an item"})
		} else if err != nil {
			return "", err
		}
	}
	return teamID, access.Check(ctx, detect.WriteRules, teamID)
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, name, origin string, ifMatch func(int64) error) error {
	old, err := byName(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := access.Check(ctx, detect.WriteRules, old.TeamID); err != nil {
		return err
	}
	if old.Origin != origin {
		return errs.New(errs.Conflict, "The rule %s belongs to the objective %s. Remove that instead.", name, old.Origin)
	}
	if err := ifMatch(old.Version); err != nil {
		return err
	}
	before, err := old.rule()
	if err != nil {
		return err
	}
	rows, err := instances(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := s.endAll(ctx, tx, before, rows, "The rule was removed."); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM rules WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	if err := search.Remove(ctx, tx, detect.RuleKind, name); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.engine.drop(name)
		s.appender.Forget("rule/" + name)
		s.live.Send(live.Note{Topic: "rules", Kind: "removed", ID: name})
	})
	return audit.Write(ctx, tx, audit.Change{Action: "rule.delete", Ref: entity.Ref{Kind: detect.RuleKind, ID: name}, Name: name, Before: before})
}

// Imported says what became of one rule of a file.
type Imported struct {
	Name    string        `json:"name"`
	Outcome apply.Outcome `json:"outcome" enum:"created,updated,unchanged"`
}

// importProm makes or changes the rules of a Prometheus file; all or none.
func (s *Service) importProm(ctx context.Context, tx *db.Tx, file string, data []byte) ([]Imported, error) {
	proms, err := eval.ParseProm(file, data)
	if err != nil {
		return nil, err
	}
	out := []Imported{}
	for _, r := range FromProm(proms) {
		o, err := s.save(ctx, tx, r, "", free)
		if err != nil {
			fs := errs.FieldsOf(err)
			for i := range fs {
				fs[i].Path = r.Name + ": " + fs[i].Path
			}
			if len(fs) > 0 {
				return nil, &errs.Error{Code: errs.Invalid, Message: file + " holds a rule that cannot be taken.", Fields: fs}
			}
			return nil, err
		}
		out = append(out, Imported{Name: r.Name, Outcome: o})
	}
	return out, nil
}

// prune forgets what fired long ago.
func (s *Service) prune(ctx context.Context) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM rule_history WHERE ended_at IS NOT NULL AND ended_at < ?", tx.Now().Add(-s.retention)).Exec(ctx)
		return err
	})
}

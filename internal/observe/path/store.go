package path

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// row is a path in the database.
type row struct {
	bun.BaseModel `bun:"paths"`

	ID        string    `bun:"id,pk"`
	Name      string    `bun:"name"`
	Spec      string    `bun:"spec"`
	Place     string    `bun:"place"`
	ItemID    string    `bun:"item_id"`
	TeamID    string    `bun:"team_id"`
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

func (r *row) spec() (s Spec, err error) {
	err = json.Unmarshal([]byte(r.Spec), &s)
	return s, err
}

func all(ctx context.Context, q bun.IDB) ([]row, error) {
	var rows []row
	err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(maxPaths).Scan(ctx)
	return rows, err
}

func byName(ctx context.Context, q bun.IDB, name string) (*row, error) {
	var r row
	if err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no network path named %q.", name)
	}
	return &r, nil
}

// readable finds a path that whoever acts may see.
func readable(ctx context.Context, q bun.IDB, name string) (*row, error) {
	r, err := byName(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return r, access.Check(ctx, observe.ReadPaths, r.TeamID)
}

// Save makes or changes a path inside tx.
func (s *Service) Save(ctx context.Context, tx *db.Tx, in Spec, check func(version int64) error) (apply.Outcome, error) {
	in.normal()
	if err := in.validate(); err != nil {
		return "", err
	}
	old, err := byName(ctx, tx, in.Name)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	r := row{ID: id.New(), Name: in.Name, Place: in.From, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
	if in.Item != "" {
		it, err := s.items.ByName(ctx, tx, in.Item)
		if errs.Is(err, errs.NotFound) {
			return "", errs.Fields(errs.Field{Path: "item", Value: in.Item, Message: "is not the name of an item"})
		}
		if err != nil {
			return "", err
		}
		r.ItemID, r.TeamID = it.ID, it.OwnerTeamID
	}
	if in.From != "" {
		if _, err := s.d.Entities.Find(ctx, tx, "edge", in.From); err != nil {
			return "", errs.Fields(errs.Field{Path: "from", Value: in.From, Message: "is not the name of an edge"})
		}
	}
	if err := access.Check(ctx, observe.WritePaths, r.TeamID); err != nil {
		return "", err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	r.Spec = string(body)
	version := int64(0)
	if old != nil {
		version = old.Version
		if err := access.Check(ctx, observe.WritePaths, old.TeamID); err != nil {
			return "", err
		}
	}
	if check != nil {
		if err := check(version); err != nil {
			return "", err
		}
	}
	out, c := apply.Created, audit.Change{Action: "path.create", Name: in.Name, After: in}
	if old == nil {
		var n int
		if err := tx.NewRaw("SELECT COUNT(*) FROM paths").Scan(ctx, &n); err != nil {
			return "", err
		}
		if n >= maxPaths {
			return "", errs.New(errs.TooMany, "There are %d paths already, which is as many as there may be.", n)
		}
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	} else {
		if old.Spec == r.Spec && old.ItemID == r.ItemID && old.TeamID == r.TeamID {
			return apply.Unchanged, nil
		}
		before, berr := old.spec()
		if berr != nil {
			return "", berr
		}
		out, c.Action, c.Before = apply.Updated, "path.update", before
		r.ID = old.ID
		_, err = tx.NewRaw("UPDATE paths SET spec = ?, place = ?, item_id = ?, team_id = ?, version = version + 1, updated_at = ? WHERE id = ?", r.Spec, r.Place, r.ItemID, r.TeamID, tx.Now(), old.ID).Exec(ctx)
	}
	if err != nil {
		return "", err
	}
	c.Ref = ref(r.ID)
	if err := search.Put(ctx, tx, search.Doc{Kind: c.Ref.Kind, RefID: c.Ref.ID, Name: in.Name, Title: "Network path to " + in.Host, Body: in.Host, URL: pathURL(in.Name), TeamID: r.TeamID}); err != nil {
		return "", err
	}
	s.changed(tx, in.Name)
	return out, audit.Write(ctx, tx, c)
}

// Delete ends a path. What was measured is removed by the next pruning.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, name string) error {
	r, err := byName(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := access.Check(ctx, observe.WritePaths, r.TeamID); err != nil {
		return err
	}
	before, err := r.spec()
	if err != nil {
		return err
	}
	for _, q := range []string{"DELETE FROM paths WHERE id = ?", "DELETE FROM path_comments WHERE path_id = ?"} {
		if _, err := tx.NewRaw(q, r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	if err := search.Remove(ctx, tx, observe.PathKind, r.ID); err != nil {
		return err
	}
	s.changed(tx, name)
	return audit.Write(ctx, tx, audit.Change{Action: "path.delete", Ref: ref(r.ID), Name: name, Before: before})
}

func ref(pathID string) entity.Ref { return entity.Ref{Kind: observe.PathKind, ID: pathID} }

// changed measures anew what is to be measured, once the transaction holds.
func (s *Service) changed(tx *db.Tx, name string) {
	tx.AfterCommit(func() {
		select {
		case s.kick <- struct{}{}:
		default:
		}
		s.d.Live.Send(live.Note{Topic: topic, Kind: "changed", ID: name})
	})
}

// Comment is a remark about a moment of a path.
type Comment struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at" doc:"The moment it is about."`
	Text   string    `json:"text"`
	Author string    `json:"author"`
}

type commentRow struct {
	bun.BaseModel `bun:"path_comments"`

	ID        string    `bun:"id,pk"`
	PathID    string    `bun:"path_id"`
	At        time.Time `bun:"at"`
	Text      string    `bun:"text"`
	Author    string    `bun:"author"`
	CreatedAt time.Time `bun:"created_at"`
}

const (
	maxComments = 500
	maxOnPath   = 10_000
)

func comments(ctx context.Context, q bun.IDB, pathID string, from, to time.Time) ([]Comment, error) {
	var rows []commentRow
	err := q.NewSelect().Model(&rows).Where("path_id = ? AND at >= ? AND at <= ?", pathID, from, to).OrderExpr("at DESC").Limit(maxComments).Scan(ctx)
	out := make([]Comment, len(rows))
	for i, r := range rows {
		out[i] = Comment{r.ID, r.At.UTC(), r.Text, r.Author}
	}
	return out, err
}

func (s *Service) say(ctx context.Context, name string, at time.Time, text string) (Comment, error) {
	c := commentRow{ID: id.New(), At: at.UTC(), Text: text, Author: access.From(ctx).Actor()}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, observe.SayOnPaths, r.TeamID); err != nil {
			return err
		}
		var n int
		if err := tx.NewRaw("SELECT COUNT(*) FROM path_comments WHERE path_id = ?", r.ID).Scan(ctx, &n); err != nil {
			return err
		}
		if n >= maxOnPath {
			return errs.New(errs.TooMany, "This path has %d comments, which is as many as there may be.", n)
		}
		c.PathID, c.CreatedAt = r.ID, tx.Now()
		if at.IsZero() {
			c.At = tx.Now()
		}
		if _, err := tx.NewInsert().Model(&c).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: topic, Kind: "comment", ID: name}) })
		return audit.Write(ctx, tx, audit.Change{Action: "path.comment", Ref: ref(r.ID), Name: name, After: map[string]any{"at": c.At, "text": text}})
	})
	return Comment{c.ID, c.At.UTC(), c.Text, c.Author}, err
}

// unsay removes a comment: one's own, or that of somebody else with the right to
// change paths.
func (s *Service) unsay(ctx context.Context, name, commentID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byName(ctx, tx, name)
		if err != nil {
			return err
		}
		var c commentRow
		if err := tx.NewSelect().Model(&c).Where("id = ? AND path_id = ?", commentID, r.ID).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such comment.")
		}
		need := observe.SayOnPaths
		if c.Author != access.From(ctx).Actor() {
			need = observe.WritePaths
		}
		if err := access.Check(ctx, need, r.TeamID); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM path_comments WHERE id = ?", commentID).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: topic, Kind: "comment", ID: name}) })
		return audit.Write(ctx, tx, audit.Change{Action: "path.comment_removed", Ref: ref(r.ID), Name: name, Before: map[string]any{"at": c.At, "text": c.Text, "author": c.Author}})
	})
}

// like escapes what means something in a LIKE pattern.
var like = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

func lower(s string) string { return strings.ToLower(s) }

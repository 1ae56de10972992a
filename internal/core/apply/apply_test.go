package apply_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var (
	write = access.Permission{Name: "box.write", Title: "Change boxes", Least: access.Operator}
	admin = access.Permission{Name: "setting.write", Title: "Change settings", Least: access.Admin}
)

type box struct {
	Name   string `yaml:"name" required:"true"`
	Size   int    `yaml:"size" minimum:"1"`
	Inside string `yaml:"inside,omitempty"`
}

type setting struct {
	Color string `yaml:"color" required:"true"`
}

func size(ctx context.Context, q bun.IDB, name string) (n int, err error) {
	err = q.NewRaw("SELECT COALESCE(MAX(size), 0) FROM t_boxes WHERE name = ?", name).Scan(ctx, &n)
	return n, err
}

func engine(t *testing.T, d *db.DB) *apply.Engine {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{{Module: "t", FS: fstest.MapFS{"migrations/0001_init.sql": &fstest.MapFile{Data: []byte("CREATE TABLE t_boxes (name TEXT PRIMARY KEY, size BIGINT NOT NULL)")}}}}))
	boxes := apply.Resource{
		Key: "boxes", Order: 2, Need: write, New: func() any { return &box{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			b := e.(*box)
			old, err := size(ctx, tx, b.Name)
			if err != nil {
				return apply.Change{}, err
			}
			if b.Size == 13 {
				return apply.Change{}, errs.Fields(errs.Field{Path: "size", Value: "13", Message: "brings bad luck"})
			}
			if b.Size == 500 {
				return apply.Change{}, fmt.Errorf("the disk is on fire")
			}
			c := apply.Change{Outcome: apply.Created}
			switch old {
			case b.Size:
				return apply.Change{Outcome: apply.Unchanged}, nil
			case 0:
			default:
				c.Outcome = apply.Updated
			}
			_, err = tx.NewRaw("INSERT INTO t_boxes (name, size) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET size = excluded.size", b.Name, b.Size).Exec(ctx)
			return c, err
		},
		Connect: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			b := e.(*box)
			if b.Inside == "" {
				return apply.Change{Outcome: apply.Unchanged}, nil
			}
			n, err := size(ctx, tx, b.Inside)
			if err == nil && n == 0 {
				err = errs.Fields(errs.Field{Path: "inside", Value: b.Inside, Message: "is no box"})
			}
			return apply.Change{Outcome: apply.Unchanged}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var bs []struct {
				Name string
				Size int
			}
			err := q.NewRaw("SELECT name, size FROM t_boxes ORDER BY name").Scan(ctx, &bs)
			out := []any{}
			for _, b := range bs {
				out = append(out, box{Name: b.Name, Size: b.Size})
			}
			return out, err
		},
	}
	single := apply.Resource{
		Key: "setting", Order: 1, Single: true, Need: admin, New: func() any { return &setting{} },
		Apply: func(context.Context, *db.Tx, any) (apply.Change, error) {
			return apply.Change{Outcome: apply.Unchanged}, nil
		},
		Export: func(context.Context, bun.IDB) ([]any, error) { return []any{setting{Color: "red"}}, nil },
	}
	return apply.New(d, []apply.Resource{boxes}, []apply.Resource{single})
}

func outcomes(cs []apply.Change) string {
	s := ""
	for _, c := range cs {
		s += fmt.Sprintf("%s/%s %s; ", c.Resource, c.Name, c.Outcome)
	}
	return s
}

func both(t *testing.T, f func(t *testing.T, ctx context.Context, d *db.DB, e *apply.Engine)) {
	t.Helper()
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) { f(t, access.AsSystem(t.Context()), d, engine(t, d)) })
}

func count(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	require.NoError(t, d.Reader().NewRaw("SELECT COUNT(*) FROM t_boxes").Scan(t.Context(), &n))
	return n
}

func TestApplyTwiceAndExport(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, d *db.DB, e *apply.Engine) {
		file := []byte("boxes:\n  - {name: a, size: 3, inside: b}\n  - {name: b, size: 9}\nsetting: {color: red}\n")
		cs, err := e.Run(ctx, file, true)
		require.NoError(t, err)
		require.Equal(t, "setting/ unchanged; boxes/a created; boxes/b created; ", outcomes(cs), "in the order of what refers to what")
		require.Zero(t, count(t, d), "a dry run keeps nothing")
		dry := outcomes(cs)
		cs, err = e.Run(ctx, file, false)
		require.NoError(t, err)
		require.Equal(t, dry, outcomes(cs), "the dry run told exactly what happens")
		require.Equal(t, 2, count(t, d))
		cs, err = e.Run(ctx, file, false)
		require.NoError(t, err)
		require.Equal(t, "setting/ unchanged; boxes/a unchanged; boxes/b unchanged; ", outcomes(cs))
		out, err := e.Export(ctx)
		require.NoError(t, err)
		cs, err = e.Run(ctx, out, false)
		require.NoError(t, err, string(out))
		require.Equal(t, "setting/ unchanged; boxes/a unchanged; boxes/b unchanged; ", outcomes(cs))
		cs, err = e.Run(ctx, []byte("boxes: [{name: a, size: 4}]"), false)
		require.NoError(t, err)
		require.Equal(t, "boxes/a updated; ", outcomes(cs))
		for _, empty := range []string{"", "# nothing\n", "boxes:\n", "boxes: []\n"} {
			cs, err = e.Run(ctx, []byte(empty), false)
			require.NoError(t, err, "%q", empty)
			require.Empty(t, cs)
		}
	})
}

// Every mistake of a file is told at once, with its line, and nothing is kept.
func TestAllMistakesAtOnce(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, d *db.DB, e *apply.Engine) {
		_, err := e.Run(ctx, []byte("boxes:\n  - name: a\n    size: 0\n  - name: b\n    sise: 2\n  - {name: c, size: many}\n  - {name: c, size: 2}\nboxen: []\n"), false)
		lines := map[int]bool{}
		for _, f := range errs.FieldsOf(err) {
			lines[f.Line] = true
			require.NotEmpty(t, f.Message)
		}
		for _, l := range []int{3, 5, 6, 7, 8} {
			require.True(t, lines[l], "line %d in %v", l, errs.FieldsOf(err))
		}
		require.ErrorContains(t, err, "did you mean")
		// What only applying shows.
		_, err = e.Run(ctx, []byte("boxes:\n  - name: a\n    size: 13\n  - {name: ok, size: 2}\n  - name: b\n    size: 13\n  - name: c\n    size: 1\n    inside: nowhere\n"), false)
		require.Equal(t, []errs.Field{
			{Path: "boxes[0].size", Value: "13", Message: "brings bad luck", Line: 3},
			{Path: "boxes[2].size", Value: "13", Message: "brings bad luck", Line: 6},
			{Path: "boxes[3].inside", Value: "nowhere", Message: "is no box", Line: 9},
		}, errs.FieldsOf(err))
		require.Zero(t, count(t, d))
		// What is not the file's fault is no field error.
		_, err = e.Run(ctx, []byte("boxes: [{name: ok, size: 2}, {name: a, size: 500}]"), false)
		require.ErrorContains(t, err, "on fire")
		require.Empty(t, errs.FieldsOf(err))
		require.Zero(t, count(t, d))
		for _, bad := range []string{"[]", "x", "boxes: {}", "boxes: [1]", "boxes: [", "boxes: []\nboxes: []", "setting: []", "setting: {}", "a: &a [*a]"} {
			_, err := e.Run(ctx, []byte(bad), false)
			require.NotEmpty(t, errs.FieldsOf(err), "%q", bad)
		}
	})
}

func TestApplyNeedsThePermissionOfEachKey(t *testing.T) {
	both(t, func(t *testing.T, _ context.Context, d *db.DB, e *apply.Engine) {
		operator := access.With(t.Context(), &access.Principal{Role: access.Operator})
		_, err := e.Run(operator, []byte("boxes: [{name: a, size: 2}]\nsetting: {color: red}\n"), false)
		require.True(t, errs.Is(err, errs.Forbidden))
		require.Zero(t, count(t, d))
		out, err := e.Export(operator)
		require.NoError(t, err)
		require.NotContains(t, string(out), "setting")
	})
}

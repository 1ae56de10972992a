package record_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var (
	read   = access.Permission{Name: "task.read", Title: "See tasks", Least: access.Viewer}
	write  = access.Permission{Name: "task.write", Title: "Change tasks", Least: access.Responder}
	finish = access.Permission{Name: "task.close", Title: "Close tasks", Least: access.Operator}
)

var task = record.Kind{
	Name: "task", Plural: "tasks", Title: "Task", Prefix: "TSK", URL: "/tasks/TSK-%d", Read: read, Write: write,
	States:      []record.State{{Name: "new", Open: true}, {Name: "doing", Open: true}, {Name: "done"}, {Name: "closed"}},
	Transitions: []record.Transition{{From: []string{"new"}, To: "doing", Need: write}, {From: []string{"new", "doing"}, To: "done", Need: write}, {From: []string{"done"}, To: "closed", Need: finish}, {From: []string{"done"}, To: "doing", Need: write}},
}

type house struct {
	*record.Service
	d   *db.DB
	ctx context.Context
}

func both(t *testing.T, f func(t *testing.T, h house)) {
	t.Helper()
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), search.Migrations(), record.Migrations()}))
		files, err := file.Open(filepath.Join(t.TempDir(), "files"))
		require.NoError(t, err)
		s, err := record.New(d, []record.Kind{task}, entity.NewRegistry(), live.NewHub(), search.New(d), files, testkit.Logger(t))
		require.NoError(t, err)
		f(t, house{s, d, access.AsSystem(t.Context())})
	})
}

func (h house) make(t *testing.T, in record.NewRecord) *record.Record {
	t.Helper()
	in.Kind = "task"
	var r *record.Record
	require.NoError(t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = h.Create(ctx, tx, in)
		return err
	}))
	return r
}

func (h house) in(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) error) error {
	return h.d.InTx(ctx, fn)
}

// Numbers are used once and leave no gap but for what was rolled back.
func TestNumbersAreUniqueAtOnce(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 15 {
					err := h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error {
						r, err := h.Create(ctx, tx, record.NewRecord{Kind: "task", Title: fmt.Sprint("t", w, i)})
						if err != nil {
							return err
						}
						if i == 7 {
							return db.ErrRollback
						}
						mu.Lock()
						defer mu.Unlock()
						got = append(got, r.Number)
						return nil
					})
					if err != nil && err != db.ErrRollback { //nolint:errorlint // our own sentinel
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		require.Len(t, got, 84)
		for i, n := range got {
			require.EqualValues(t, i+1, n)
		}
	})
}

func TestStateMachine(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		states := []string{"new", "doing", "done", "closed", "nonsense"}
		for _, from := range states[:4] {
			for _, to := range states {
				r := h.make(t, record.NewRecord{Title: from + to})
				_, err := h.d.SQL().ExecContext(h.ctx, "UPDATE records SET state = '"+from+"' WHERE id = '"+r.ID+"'")
				require.NoError(t, err)
				_, allowed := task.May(from, to)
				err = h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error {
					r, err := h.Lock(ctx, tx, r.ID)
					if err != nil {
						return err
					}
					moved, err := h.Move(ctx, tx, r, to, "")
					require.Equal(t, allowed && from != to, moved, "%s to %s", from, to)
					if moved {
						require.Equal(t, to == "doing", r.Open)
						require.Equal(t, r.Open, r.ClosedAt == nil)
					}
					return err
				})
				if allowed || from == to {
					require.NoError(t, err)
				} else {
					require.True(t, errs.Is(err, errs.Conflict), "%s to %s: %v", from, to, err)
					require.Contains(t, errs.Message(err), fmt.Sprintf("is %s and cannot become %s", from, to))
				}
			}
		}
		// The table's permission counts, on the team's things too.
		r := h.make(t, record.NewRecord{Title: "x", TeamID: "t1"})
		move := func(p *access.Principal, to string) error {
			return h.in(access.With(t.Context(), p), func(ctx context.Context, tx *db.Tx) error {
				r, err := h.Lock(ctx, tx, r.ID)
				require.NoError(t, err)
				_, err = h.Move(ctx, tx, r, to, "")
				return err
			})
		}
		require.True(t, errs.Is(move(&access.Principal{Role: access.Viewer}, "done"), errs.Forbidden))
		require.True(t, errs.Is(move(&access.Principal{Teams: map[string]access.Role{"t2": access.Admin}}, "done"), errs.Forbidden))
		require.NoError(t, move(&access.Principal{Teams: map[string]access.Role{"t1": access.Responder}}, "done"))
		require.True(t, errs.Is(move(&access.Principal{Role: access.Responder}, "closed"), errs.Forbidden))
	})
}

func TestKindsAreChecked(t *testing.T) {
	t.Parallel()
	require.NoError(t, task.Check())
	for name, change := range map[string]func(k *record.Kind){
		"no prefix":     func(k *record.Kind) { k.Prefix = "" },
		"no permission": func(k *record.Kind) { k.Read = access.Permission{} },
		"unknown state": func(k *record.Kind) {
			k.Transitions = append(slices.Clone(k.Transitions), record.Transition{From: []string{"new"}, To: "gone"})
		},
		"unreachable state":  func(k *record.Kind) { k.States = append(slices.Clone(k.States), record.State{Name: "island"}) },
		"from unknown state": func(k *record.Kind) { k.Transitions = []record.Transition{{From: []string{"x"}, To: "new"}} },
	} {
		k := task
		change(&k)
		require.Error(t, k.Check(), name)
	}
}

func TestPriorityMatrix(t *testing.T) {
	t.Parallel()
	want := [3][3]int{{1, 2, 3}, {2, 3, 4}, {3, 4, 5}}
	for i := range 3 {
		for u := range 3 {
			require.Equal(t, want[i][u], record.Priority(i+1, u+1), "impact %d, urgency %d", i+1, u+1)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestUpdate(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		r := h.make(t, record.NewRecord{Title: "  disk full ", Impact: 2, Urgency: 2})
		require.Equal(t, "disk full", r.Title)
		require.Equal(t, 3, r.Priority)
		stale := *r
		update := func(r *record.Record, p record.Patch) error {
			return h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.Update(ctx, tx, r, p) })
		}
		require.NoError(t, update(r, record.Patch{Impact: ptr(1)}))
		require.Equal(t, 2, r.Priority, "the matrix follows")
		require.EqualValues(t, 2, r.Version)
		err := update(&stale, record.Patch{Title: ptr("other")})
		require.True(t, errs.Is(err, errs.Precondition), "an old version does not overwrite: %v", err)
		require.NoError(t, update(r, record.Patch{}), "nothing to change")
		require.EqualValues(t, 2, r.Version)
		for _, p := range []record.Patch{
			{Impact: ptr(0)},
			{Urgency: ptr(4)},
			{Priority: ptr(6)},
			{Priority: ptr(5)},
			{Priority: ptr(5), Reason: "  "},
			{Title: ptr(" ")},
			{Title: ptr(strings.Repeat("ü", 301))},
			{Title: ptr("a\x00b")},
			{Description: ptr("\xff")},
			{Labels: ptr([]string{""})},
			{Labels: ptr([]string{strings.Repeat("x", 61)})},
		} {
			c := *r
			require.True(t, errs.Is(update(&c, p), errs.Invalid), "%+v", p)
		}
		require.NoError(t, update(r, record.Patch{Priority: ptr(5), Reason: "only the test site"}))
		require.Equal(t, 5, r.Priority)
		es, _, err := h.Timeline(h.ctx, h.d.Reader(), r.ID, "", 10)
		require.NoError(t, err)
		require.Contains(t, es[len(es)-1].Body, "priority from P2 to P5. Reason: only the test site")
		for _, in := range []record.NewRecord{{Title: "x", Impact: 4}, {Title: "x", Urgency: -1}, {Title: ""}, {Title: "x", Labels: slices.Repeat([]string{"a"}, 51)}} {
			in.Kind = "task"
			err := h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error { _, err := h.Create(ctx, tx, in); return err })
			require.True(t, errs.Is(err, errs.Invalid), "%+v: %v", in, err)
		}
	})
}

func TestLabels(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		r := h.make(t, record.NewRecord{Title: "x", Labels: []string{"net", " db ", "net"}})
		labels := func() []string {
			ls, err := record.Labels(h.ctx, h.d.Reader(), r.ID)
			require.NoError(t, err)
			return ls
		}
		set := func(ls ...string) {
			require.NoError(t, h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.Update(ctx, tx, r, record.Patch{Labels: &ls}) }))
		}
		require.Equal(t, []string{"db", "net"}, labels())
		set("net", " db")
		require.EqualValues(t, 1, r.Version, "the same labels are no change")
		set("web", "web")
		require.Equal(t, []string{"web"}, labels())
		set()
		require.Empty(t, labels())
	})
}

func TestTimelinePages(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		r, other := h.make(t, record.NewRecord{Title: "x"}), h.make(t, record.NewRecord{Title: "y"})
		for i := range 25 {
			require.NoError(t, h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := h.Say(ctx, tx, other, record.Entry{Kind: "comment", Body: "elsewhere"}); err != nil {
					return err
				}
				return h.Say(ctx, tx, r, record.Entry{Kind: "comment", Body: fmt.Sprint("c", i), Data: map[string]any{"i": i}})
			}))
		}
		var got []string
		pages := 0
		for cursor := ""; ; pages++ {
			es, next, err := h.Timeline(h.ctx, h.d.Reader(), r.ID, cursor, 10)
			require.NoError(t, err)
			for _, e := range es {
				got = append(got, e.Body)
				require.Equal(t, "Mainstay", e.Actor)
			}
			if cursor = next; next == "" {
				break
			}
		}
		require.Equal(t, 2, pages)
		require.Len(t, got, 25)
		for i, b := range got {
			require.Equal(t, fmt.Sprint("c", i), b, "in the order in which it was said")
		}
		for _, bad := range []string{"", " ", strings.Repeat("x", 64<<10+1)} {
			require.True(t, errs.Is(h.in(h.ctx, func(ctx context.Context, tx *db.Tx) error {
				return h.Say(ctx, tx, r, record.Entry{Kind: "comment", Body: bad})
			}), errs.Invalid))
		}
	})
}

func TestByNumber(t *testing.T) {
	both(t, func(t *testing.T, h house) {
		r := h.make(t, record.NewRecord{Title: "x", TeamID: "t1"})
		for _, s := range []string{"TSK-1", "tsk-1", " 1 "} {
			got, err := h.ByNumber(h.ctx, h.d.Reader(), "task", s)
			require.NoError(t, err, s)
			require.Equal(t, r.ID, got.ID)
		}
		for _, s := range []string{"", "TSK-", "TSK-2", "INC-1", "-1", "TSK--1", "1; DROP", "99999999999999999999", "../1"} {
			_, err := h.ByNumber(h.ctx, h.d.Reader(), "task", s)
			require.True(t, errs.Is(err, errs.NotFound), "%q: %v", s, err)
		}
		_, err := h.ByNumber(access.With(t.Context(), &access.Principal{Teams: map[string]access.Role{"t2": access.Admin}}), h.d.Reader(), "task", "1")
		require.True(t, errs.Is(err, errs.Forbidden))
	})
}

package account_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const password = "correct horse battery"

// held is a clock that moves only when told.
type held struct {
	mu  sync.Mutex
	now time.Time
}

func (h *held) Now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

func (h *held) pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.now = h.now.Add(d) }

type house struct {
	*account.Service
	d     *db.DB
	clock *held
	ctx   context.Context
	t     *testing.T
}

// both runs f on both databases with a held clock and sessions of an hour.
func both(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	run := func(o func(t *testing.T) db.Options) func(t *testing.T) {
		return func(t *testing.T) {
			opts, c := o(t), &held{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			opts.Clock = c
			d, err := db.Open(t.Context(), opts)
			require.NoError(t, err)
			t.Cleanup(func() { _ = d.Close() })
			require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), account.Migrations()}))
			f(t, &house{account.New(d, time.Hour), d, c, access.AsSystem(t.Context()), t})
		}
	}
	t.Run("sqlite", run(func(t *testing.T) db.Options { return db.Options{Dir: t.TempDir()} }))
	t.Run("postgres", run(func(t *testing.T) db.Options { return db.Options{URL: testkit.PostgresURL(t)} }))
}

func (h *house) person(email string, role access.Role) *account.Account {
	h.t.Helper()
	var a *account.Account
	require.NoError(h.t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = h.Create(ctx, tx, account.NewAccount{Email: email, Role: role, Password: password})
		return err
	}))
	return a
}

func (h *house) login(email, pw string) (string, error) {
	v, _, err := h.Login(h.ctx, email, pw, "192.0.2.1", "test")
	return v, err
}

func TestPasswords(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		a := h.person("Ann@Example.org ", access.Viewer)
		require.Equal(t, "ann@example.org", a.Email)
		require.Equal(t, "ann", a.Name)
		require.True(t, strings.HasPrefix(a.PasswordHash, "$argon2id$v=19$m=65536,"), a.PasswordHash)
		require.NotContains(t, a.PasswordHash, password)
		again, err := h.HashPassword(password)
		require.NoError(t, err)
		require.NotEqual(t, a.PasswordHash, again, "each hash has its salt")
		for _, pw := range []string{"", "123456789", strings.Repeat("x", 201)} {
			_, err := h.HashPassword(pw)
			require.True(t, errs.Is(err, errs.Invalid), "%d characters", len(pw))
			require.NotContains(t, fmt.Sprint(errs.FieldsOf(err)), "123456789", "the password is not echoed")
		}
		_, err = h.login(" ANN@example.org", password)
		require.NoError(t, err)
		for _, c := range [][2]string{{"ann@example.org", password + " "}, {"ann@example.org", ""}, {"bob@example.org", password}, {"bob@example.org", ""}} {
			_, err = h.login(c[0], c[1])
			require.Equal(t, "The address or the password is wrong.", errs.Message(err), "the answer does not tell which")
			require.True(t, errs.Is(err, errs.Unauthorized))
		}
	})
}

// A person without a password cannot sign in with any.
func TestNoPasswordNoLogin(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		require.NoError(t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, made, err := h.Ensure(ctx, tx, "New@example.org")
			require.True(t, made)
			return err
		}))
		for _, pw := range []string{"", "mainstay", strings.Repeat("\x00", 32)} {
			_, err := h.login("new@example.org", pw)
			require.True(t, errs.Is(err, errs.Unauthorized))
		}
	})
}

func TestEnsureByAddress(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		ann := h.person("ann@example.org", access.Admin)
		require.NoError(t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			a, made, err := h.Ensure(ctx, tx, "ANN@example.org")
			require.NoError(t, err)
			require.False(t, made)
			require.Equal(t, ann.ID, a.ID)
			require.Equal(t, access.Admin, a.Role, "the role stays")
			b, made, err := h.Ensure(ctx, tx, "bob@example.org")
			require.NoError(t, err)
			require.True(t, made)
			require.Equal(t, access.Responder, b.Role)
			for _, bad := range []string{"", "bob", "Bob <bob@example.org>", "a@b, c@d", "a@b\r\nBcc: x@y", strings.Repeat("a", 250) + "@x.org"} {
				_, _, err := h.Ensure(ctx, tx, bad)
				require.True(t, errs.Is(err, errs.Invalid), "%q", bad)
			}
			return nil
		}))
	})
}

func TestLoginIsThrottled(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		h.person("ann@example.org", access.Viewer)
		h.person("bob@example.org", access.Viewer)
		for range 6 {
			_, err := h.login("ann@example.org", "wrong")
			require.True(t, errs.Is(err, errs.Unauthorized))
			h.clock.pass(time.Second)
		}
		_, err := h.login("Ann@example.org", password)
		require.True(t, errs.Is(err, errs.TooMany), "even the right password waits: %v", err)
		require.Contains(t, errs.Message(err), "14m54s")
		_, err = h.login("bob@example.org", password)
		require.NoError(t, err, "others are not held up")
		h.clock.pass(15*time.Minute - 7*time.Second)
		_, err = h.login("ann@example.org", password)
		require.True(t, errs.Is(err, errs.TooMany), "one second before the first failure is forgotten: %v", err)
		h.clock.pass(2 * time.Second)
		_, err = h.login("ann@example.org", password)
		require.NoError(t, err)
		// From one address, many accounts.
		h.clock.pass(time.Hour)
		for i := range 30 {
			_, _, err := h.Login(h.ctx, fmt.Sprintf("u%d@example.org", i), "wrong", "192.0.2.99", "")
			require.True(t, errs.Is(err, errs.Unauthorized), "attempt %d", i)
		}
		_, _, err = h.Login(h.ctx, "bob@example.org", password, "192.0.2.99", "")
		require.True(t, errs.Is(err, errs.TooMany))
		_, err = h.login("bob@example.org", password)
		require.NoError(t, err, "from another address")
	})
}

func TestSessions(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		a := h.person("ann@example.org", access.Viewer)
		v1, err := h.login(a.Email, password)
		require.NoError(t, err)
		v2, err := h.login(a.Email, password)
		require.NoError(t, err)
		require.NotEqual(t, v1, v2, "each login has its own value")
		require.GreaterOrEqual(t, len(v1), 43)
		p, err := h.BySession(h.ctx, v1)
		require.NoError(t, err)
		require.Equal(t, a.ID, p.ID)
		var stored string
		require.NoError(t, h.d.Reader().NewRaw("SELECT token_hash FROM sessions WHERE id = ?", p.SessionID).Scan(h.ctx, &stored))
		require.NotEqual(t, v1, stored, "the database does not hold what the cookie holds")
		// Use keeps a session alive, disuse ends it.
		for range 4 {
			h.clock.pass(40 * time.Minute)
			_, err = h.BySession(h.ctx, v1)
			require.NoError(t, err)
		}
		_, err = h.BySession(h.ctx, v2)
		require.True(t, errs.Is(err, errs.Unauthorized))
		require.NoError(t, h.Logout(h.ctx, p.SessionID))
		for _, v := range []string{v1, v2, "", "made-up-by-somebody-else"} {
			_, err = h.BySession(h.ctx, v)
			require.True(t, errs.Is(err, errs.Unauthorized), "an ended or unknown session is a 401, so that signing in again works: %v", err)
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestSessionsEndWithWhatTheyStoodFor(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		for name, c := range map[string]struct {
			p    account.Patch
			ends bool
		}{
			"password": {account.Patch{Password: ptr("another password")}, true},
			"role":     {account.Patch{Role: ptr(access.Operator)}, true},
			"disabled": {account.Patch{Disabled: ptr(true)}, true},
			"name":     {account.Patch{Name: ptr("Ann B.")}, false},
		} {
			a := h.person(name+"@example.org", access.Viewer)
			v, err := h.login(a.Email, password)
			require.NoError(t, err)
			_, err = h.Update(h.ctx, a.ID, "", c.p)
			require.NoError(t, err)
			_, err = h.BySession(h.ctx, v)
			require.Equal(t, c.ends, errs.Is(err, errs.Unauthorized), "%s: %v", name, err)
			if name == "disabled" {
				_, err = h.login(a.Email, password)
				require.True(t, errs.Is(err, errs.Unauthorized), "a disabled person cannot sign in")
			}
		}
	})
}

// People change their own password: the old one is needed, the session at hand
// stays, the others end.
func TestOwnPassword(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		a := h.person("ann@example.org", access.Viewer)
		here, err := h.login(a.Email, password)
		require.NoError(t, err)
		there, err := h.login(a.Email, password)
		require.NoError(t, err)
		p, err := h.BySession(h.ctx, here)
		require.NoError(t, err)
		ctx := access.With(t.Context(), p)

		_, err = h.UpdateOwn(ctx, account.Own{Password: ptr("another password"), Current: "not the one"})
		require.ErrorContains(t, err, "is not your password")
		_, err = h.UpdateOwn(ctx, account.Own{Password: ptr("short"), Current: password})
		require.ErrorContains(t, err, "must have 10 to 200 characters")
		_, err = h.UpdateOwn(ctx, account.Own{TimeZone: ptr("Mars/Base")})
		require.ErrorContains(t, err, "must be an IANA zone")
		_, err = h.BySession(h.ctx, there)
		require.NoError(t, err)

		got, err := h.UpdateOwn(ctx, account.Own{Name: ptr("Ann B."), Password: ptr("another password"), Current: password})
		require.NoError(t, err)
		require.Equal(t, "Ann B.", got.Name)
		_, err = h.BySession(h.ctx, here)
		require.NoError(t, err)
		_, err = h.BySession(h.ctx, there)
		require.True(t, errs.Is(err, errs.Unauthorized))
		_, err = h.login(a.Email, password)
		require.True(t, errs.Is(err, errs.Unauthorized))
		_, err = h.login(a.Email, "another password")
		require.NoError(t, err)

		_, err = h.UpdateOwn(h.ctx, account.Own{Name: ptr("x")})
		require.True(t, errs.Is(err, errs.Forbidden), "the system has no account")
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		a, b := h.person("a@example.org", access.Admin), h.person("b@example.org", access.Admin)
		// An administrator without a password cannot sign in, so counts for nothing.
		require.NoError(t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.Create(ctx, tx, account.NewAccount{Email: "c@example.org", Role: access.Admin})
			return err
		}))
		// Both are taken away at once: one of them must stay.
		var wg sync.WaitGroup
		got := make([]error, 2)
		for i, who := range []*account.Account{a, b} {
			wg.Go(func() { _, got[i] = h.Update(h.ctx, who.ID, "", account.Patch{Role: ptr(access.Viewer)}) })
		}
		wg.Wait()
		require.Equal(t, 1, countConflicts(got), "%v", got)
		left := a
		if got[0] == nil {
			left = b
		}
		for _, p := range []account.Patch{{Disabled: ptr(true)}, {Role: ptr(access.Operator)}} {
			_, err := h.Update(h.ctx, left.ID, "", p)
			require.True(t, errs.Is(err, errs.Conflict), "%v", err)
		}
		now, err := account.ByID(h.ctx, h.d.Reader(), left.ID)
		require.NoError(t, err)
		require.Equal(t, access.Admin, now.Role)
		require.False(t, now.Disabled)
	})
}

func countConflicts(es []error) (n int) {
	for _, e := range es {
		if errs.Is(e, errs.Conflict) {
			n++
		}
	}
	return n
}

func TestUpdateChecksTheVersion(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		a := h.person("a@example.org", access.Viewer)
		_, err := h.Update(h.ctx, a.ID, `"7"`, account.Patch{Name: ptr("X")})
		require.True(t, errs.Is(err, errs.Precondition))
		a, err = h.Update(h.ctx, a.ID, `"1"`, account.Patch{Name: ptr("X")})
		require.NoError(t, err)
		require.EqualValues(t, 2, a.Version)
		for _, bad := range []account.Patch{{Name: ptr("  ")}, {Name: ptr(strings.Repeat("ü", 101))}, {TimeZone: ptr("Mars/Base")}, {Password: ptr("short")}} {
			_, err = h.Update(h.ctx, a.ID, "", bad)
			require.True(t, errs.Is(err, errs.Invalid))
		}
		_, err = h.Update(h.ctx, "nobody", "", account.Patch{})
		require.True(t, errs.Is(err, errs.NotFound))
	})
}

func TestSetupLink(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		first, err := h.Bootstrap(h.ctx, "")
		require.NoError(t, err)
		second, err := h.Bootstrap(h.ctx, "")
		require.NoError(t, err)
		in := account.NewAccount{Email: "ann@example.org", Password: password}
		setup := func(v string) error { _, _, err := h.Setup(h.ctx, v, in, "192.0.2.1", ""); return err }
		require.True(t, errs.Is(setup(first), errs.Forbidden), "a new link replaces the old one")
		h.clock.pass(24*time.Hour + time.Second)
		require.True(t, errs.Is(setup(second), errs.Forbidden), "it has expired")
		third, err := h.Bootstrap(h.ctx, "")
		require.NoError(t, err)
		in.Password = "short"
		require.True(t, errs.Is(setup(third), errs.Invalid))
		in.Password = password
		require.NoError(t, setup(third), "a mistake in the form does not use it up")
		in.Email = "eve@example.org"
		require.True(t, errs.Is(setup(third), errs.Forbidden), "it works once")
		a, err := account.ByEmail(h.ctx, h.d.Reader(), "ann@example.org")
		require.NoError(t, err)
		require.Equal(t, access.Admin, a.Role)
		none, err := h.Bootstrap(h.ctx, "")
		require.NoError(t, err)
		require.Empty(t, none, "no link once there is an administrator")
		for range 40 {
			err = setup("guess")
		}
		require.True(t, errs.Is(err, errs.TooMany), "guessing is throttled")
	})
}

func TestTokens(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		make := func(ctx context.Context, in account.NewToken) (tok *account.APIToken, v string, err error) {
			err = h.d.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				tok, v, err = h.CreateToken(ctx, tx, in)
				return err
			})
			return tok, v, err
		}
		tok, v, err := make(h.ctx, account.NewToken{Name: "ci", Role: access.Operator, Scopes: []string{"item.", "token.manage"}, Expires: time.Hour})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(v, "mst_") && len(v) > 40)
		require.NotContains(t, fmt.Sprintf("%+v", *tok), v)
		p, err := h.ByToken(h.ctx, v)
		require.NoError(t, err)
		require.True(t, p.Can(access.Permission{Name: "item.write", Least: access.Operator}))
		require.False(t, p.Can(access.Permission{Name: "check.write", Least: access.Operator}), "out of scope")
		require.False(t, p.Can(access.Permission{Name: "item.destroy", Least: access.Admin}), "above its role")
		limited := access.With(t.Context(), p)
		_, _, err = make(limited, account.NewToken{Name: "wider", Role: access.Operator})
		require.True(t, errs.Is(err, errs.Forbidden), "a limited token cannot make one without limits: %v", err)
		_, _, err = make(limited, account.NewToken{Name: "higher", Role: access.Admin, Scopes: []string{"item."}})
		require.True(t, errs.Is(err, errs.Forbidden), "nor one with a higher role")
		_, _, err = make(limited, account.NewToken{Name: "narrower", Role: access.Viewer, Scopes: []string{"item.read"}})
		require.NoError(t, err)
		_, _, err = make(h.ctx, account.NewToken{Name: "ci", Role: access.Viewer})
		require.True(t, errs.Is(err, errs.Conflict))
		h.clock.pass(time.Hour + time.Second)
		_, err = h.ByToken(h.ctx, v)
		require.True(t, errs.Is(err, errs.Unauthorized))
		_, err = h.ByToken(h.ctx, "mst_nobody-made-this-one")
		require.True(t, errs.Is(err, errs.Unauthorized))
		tok, v, err = make(h.ctx, account.NewToken{Name: "gone", Role: access.Viewer})
		require.NoError(t, err)
		require.NoError(t, h.d.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.RevokeToken(ctx, tx, tok.ID) }))
		_, err = h.ByToken(h.ctx, v)
		require.True(t, errs.Is(err, errs.Unauthorized))
		// The audit log and the list hold no values.
		es, err := audit.List(h.ctx, h.d.Reader(), audit.Filter{Limit: 100})
		require.NoError(t, err)
		require.NotEmpty(t, es)
		for _, e := range es {
			require.NotContains(t, e.Name+string(e.Before)+string(e.After), v)
		}
	})
}

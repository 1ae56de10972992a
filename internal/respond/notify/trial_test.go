package notify

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// A person tries all their methods at once, also the one that waits otherwise.
func TestContactsCanBeTried(t *testing.T) {
	t.Parallel()
	w := build(t)
	box := newMailbox(t, nil)
	w.smtp(box.server())
	mail := func(to string, delay time.Duration) method {
		return method{ChannelSettings: respond.ChannelSettings{Email: &respond.EmailSettings{To: []string{to}}}, Delay: observe.Duration(delay)}
	}
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return w.saveMethods(ctx, tx, w.acc.ID, []method{mail("ada@example.org", 0), mail("ada@example.net", 5*time.Minute)})
	})
	me := access.With(t.Context(), &access.Principal{Kind: "session", ID: w.acc.ID, Name: "Ada", Role: access.Responder})
	ns, err := w.testContacts(me, w.acc.ID)
	require.NoError(t, err)
	require.Len(t, ns, 2)
	for _, n := range ns {
		require.Equal(t, stateSent, n.State, n.LastError)
	}
	_, to := box.got()
	require.Len(t, to, 2)
	other := access.With(t.Context(), &access.Principal{Kind: "session", ID: "somebody", Name: "Eve", Role: access.Responder})
	_, err = w.testContacts(other, w.acc.ID)
	require.True(t, errs.Is(err, errs.Forbidden))
}

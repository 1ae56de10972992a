package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// What was sent goes with its attempts when it is old; what waits stays.
func TestPrune(t *testing.T) {
	t.Parallel()
	w := build(t)
	box := newMailbox(t, nil)
	w.smtp(box.server())
	w.channel("mail", respond.ChannelSettings{Email: &respond.EmailSettings{To: []string{"ops@example.org"}}})
	w.notify(respond.Target{Channel: "mail"}, respond.ReasonEscalation, "old")
	w.run()
	w.clock.add(time.Hour)
	w.notify(respond.Target{Channel: "mail"}, respond.ReasonEscalation, "waits")
	w.clock.add(399 * 24 * time.Hour)
	w.notify(respond.Target{Channel: "mail"}, respond.ReasonEscalation, "young")
	prune := func() { require.NoError(t, w.prune(w.ctx(), pruneArgs{}, job.Meta{})) }
	prune()
	require.Len(t, w.all(), 3, "400 days are not over")
	w.clock.add(2 * 24 * time.Hour)
	prune()
	ns := w.all()
	require.Len(t, ns, 2)
	require.Equal(t, stateQueued, ns[0].State, "what is not sent yet stays")
	var left int
	require.NoError(t, w.db.Reader().NewRaw("SELECT COUNT(*) FROM notification_attempts WHERE notification_id NOT IN (SELECT id FROM notifications)").Scan(w.ctx(), &left))
	require.Zero(t, left)
}

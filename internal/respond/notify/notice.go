package notify

import (
	"context"
	"fmt"

	"github.com/mainstay-ops/mainstay/internal/respond"
)

// maxLines of a summary are named; the rest is counted.
const maxLines = 50

// notice renders what adapters put into the form of their channel.
func (s *Service) notice(ctx context.Context, n *Notification) (respond.Notice, error) {
	out := respond.Notice{ID: n.ID, Reason: n.Reason, Subject: n.Subject, At: n.CreatedAt}
	switch n.Reason {
	case respond.ReasonTest:
		out.Lead = "This is a test. If you can read it, messages about incidents will reach you here."
		return out, nil
	case respond.ReasonSummary:
		var lines []string
		if err := s.db.Reader().NewRaw("SELECT subject FROM notifications WHERE summary_id = ? ORDER BY id LIMIT ?", n.ID, maxLines).Scan(ctx, &lines); err != nil {
			return out, err
		}
		out.Lines, out.URL = lines, s.publicURL+"/incidents"
		out.Lead = fmt.Sprintf("There was more to tell than %d messages a minute. These messages were put together:", perMinute)
		return out, nil
	}
	inc, err := s.incidents.ByID(ctx, s.db.Reader(), n.IncidentID)
	if err != nil {
		return out, err
	}
	inc.Output = cutText(inc.Output, 4000)
	out.Incident, out.Lead = inc, lead(n.Reason, inc)
	out.URL = s.publicURL + respond.IncidentPath + inc.Number
	if n.Ack {
		out.AckURL = s.publicURL + "/ack/" + s.token(n)
	}
	return out, nil
}

func cutText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

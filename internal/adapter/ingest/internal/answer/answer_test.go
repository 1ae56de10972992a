package answer_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func TestTaken(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]struct {
		status int
		body   string
	}{"": {204, ""}, "*/*": {204, ""}, "application/json": {200, `{"taken":3,"dropped":1,"why":"too old"}`}} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		answer.Taken(w, r, signal.Receipt{Taken: 3, Dropped: 1, Why: "too old"})
		require.Equal(t, want.status, w.Code, accept)
		if want.body == "" {
			require.Empty(t, w.Body.String())
		} else {
			require.JSONEq(t, want.body, w.Body.String())
		}
	}
}

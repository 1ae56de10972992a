package live_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/live"
)

// A stream ends when its owner may no longer be there.
func TestStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.NewHub()
		begin, asked := time.Now(), 0
		h.Still = func(*http.Request) bool { asked++; return asked < 3 }
		r := httptest.NewRequest(http.MethodGet, "/api/v1/live", nil)
		r = r.WithContext(access.With(r.Context(), &access.Principal{Kind: access.Person, Role: access.Viewer}))
		h.ServeHTTP(httptest.NewRecorder(), r)
		require.Equal(t, 3, asked)
		require.Equal(t, 3*time.Minute, time.Since(begin))
	})
}

package netpath

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A text is asked for once, in the background, as few at a time as allowed, and again when
// it is old.
func TestLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := Lookups[string]{
			Ask: func(_ context.Context, key string) string {
				asked.Add(1)
				time.Sleep(time.Second)
				if key == "none" {
					return ""
				}
				return "name of " + key
			},
			Within: 3 * time.Second, For: time.Hour, NoneFor: time.Minute, Most: 3, AtOnce: 2,
		}
		require.Empty(t, l.Of("a"))
		require.Empty(t, l.Of("a"), "it is on its way")
		require.Empty(t, l.Of("none"))
		require.Empty(t, l.Of("b"), "two are on their way already")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, "name of a", l.Of("a"))
		require.EqualValues(t, 2, asked.Load())
		l.Of("b")
		time.Sleep(2 * time.Minute)
		require.Equal(t, "name of b", l.Of("b"))
		l.Of("none")
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 4, asked.Load(), "that there is none is forgotten sooner")
		l.Of("c")
		time.Sleep(2 * time.Second)
		require.Empty(t, l.Of("a"), "no more than three are kept")
		time.Sleep(2 * time.Second)
	})
}

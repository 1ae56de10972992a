package usual

import (
	"bytes"
	"encoding/gob"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var began = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// feed gives lines for a number of minutes; perMinute says how many at each.
func feed(e *Engine, from, minutes int, rates map[Key]func(m int) int) []Change {
	var out []Change
	for m := from; m < from+minutes; m++ {
		var counts []Count
		for k, f := range rates {
			if n := f(m); n > 0 {
				counts = append(counts, Count{k, uint64(n)})
			}
		}
		out = append(out, e.Minute(began.Add(time.Duration(m)*time.Minute), counts, nil)...)
	}
	return out
}

func every(n int) func(int) int { return func(int) int { return n } }

var (
	ka, kb = Key{"a", "web"}, Key{"b", "web"}
	day    = 24 * 60
)

func TestStates(t *testing.T) {
	t.Parallel()
	night := func(m int) int { // ten times as many lines at 3 o'clock
		if m%day/60 == 3 {
			return 20
		}
		return 2
	}
	for name, c := range map[string]struct {
		learn  map[Key]func(int) int
		days   int
		then   map[Key]func(int) int
		length int
		want   []State
		of     Key
	}{
		"nothing changes":        {map[Key]func(int) int{ka: every(2)}, 2, map[Key]func(int) int{ka: every(2)}, 120, nil, ka},
		"three times is usual":   {map[Key]func(int) int{ka: every(2)}, 2, map[Key]func(int) int{ka: every(6)}, 60, nil, ka},
		"ten times is too much":  {map[Key]func(int) int{ka: every(2)}, 2, map[Key]func(int) int{ka: every(20)}, 60, []State{Exploding}, ka},
		"few lines never are":    {map[Key]func(int) int{ka: func(m int) int { return b2i(m%60 == 0) }}, 2, map[Key]func(int) int{ka: every(1)}, 60, nil, ka},
		"the first day at once":  {map[Key]func(int) int{ka: every(1)}, 0, map[Key]func(int) int{ka: every(100)}, 120, nil, ka},
		"new":                    {map[Key]func(int) int{ka: every(2)}, 1, map[Key]func(int) int{ka: every(2), kb: every(1)}, 10, []State{New}, kb},
		"new for a day":          {map[Key]func(int) int{ka: every(2)}, 1, map[Key]func(int) int{ka: every(2), kb: every(1)}, day + 20, []State{New, Usual}, kb},
		"a new item is not new":  {map[Key]func(int) int{ka: every(2)}, 1, map[Key]func(int) int{{"c", "db"}: every(1)}, 50, nil, Key{"c", "db"}},
		"vanished":               {map[Key]func(int) int{ka: every(2), kb: every(2)}, 2, map[Key]func(int) int{kb: every(2)}, 60, []State{Vanished}, ka},
		"rare lines may be away": {map[Key]func(int) int{ka: func(m int) int { return b2i(m%30 == 0) }, kb: every(2)}, 2, map[Key]func(int) int{kb: every(2)}, 20 * 60, nil, ka},
		"a silent item says it":  {map[Key]func(int) int{ka: every(2), kb: every(2)}, 2, nil, 120, nil, ka},
		"the same hour counts":   {map[Key]func(int) int{ka: night}, 6, map[Key]func(int) int{ka: night}, day, nil, ka},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e Engine
			feed(&e, 0, c.days*day, c.learn)
			var got []State
			for _, ch := range feed(&e, c.days*day, c.length, c.then) {
				if ch.Key == c.of {
					got = append(got, ch.To)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestExplosionEnds(t *testing.T) {
	t.Parallel()
	var e Engine
	feed(&e, 0, 2*day, map[Key]func(int) int{ka: every(2)})
	got := feed(&e, 2*day, 30, map[Key]func(int) int{ka: every(50)})
	require.Len(t, got, 1)
	require.Contains(t, got[0].Why, "20 are usual at this hour")
	require.InDelta(t, 20, got[0].Expected, 0.1)
	got = feed(&e, 2*day+30, 30, map[Key]func(int) int{ka: every(2)})
	require.Len(t, got, 1)
	require.Equal(t, Usual, got[0].To)
}

func TestVanishedComesBack(t *testing.T) {
	t.Parallel()
	var e Engine
	feed(&e, 0, 2*day, map[Key]func(int) int{ka: every(2), kb: every(1)})
	require.Len(t, feed(&e, 2*day, 60, map[Key]func(int) int{kb: every(1)}), 1)
	got := feed(&e, 2*day+60, 1, map[Key]func(int) int{ka: every(1), kb: every(1)})
	require.Len(t, got, 1)
	require.Equal(t, Usual, got[0].To)
}

func TestJoined(t *testing.T) {
	t.Parallel()
	var e Engine
	feed(&e, 0, 2*day, map[Key]func(int) int{ka: every(2), kb: every(3)})
	at := began.Add(time.Duration(2*day) * time.Minute)
	require.Empty(t, e.Minute(at, []Count{{kb, 5}}, map[string]string{"a": "b"}), "what was joined has not vanished")
	s := e.Summaries()
	require.Len(t, s, 1)
	require.InDelta(t, 5*day, float64(s["b"].Day), 300)
	require.Empty(t, feed(&e, 2*day+1, 120, map[Key]func(int) int{kb: every(5)}))
}

func TestKnownAndSaved(t *testing.T) {
	t.Parallel()
	var e Engine
	feed(&e, 0, day, map[Key]func(int) int{ka: every(2)})
	feed(&e, day, 3, map[Key]func(int) int{ka: every(2), kb: every(1)})
	var b bytes.Buffer
	require.NoError(t, gob.NewEncoder(&b).Encode(&e))
	var again Engine
	require.NoError(t, gob.NewDecoder(&b).Decode(&again))
	require.Equal(t, e, again)
	require.Equal(t, New, again.Summaries()["b"].State)
	require.Len(t, again.Known("b", began.Add(25*time.Hour)), 1)
	require.Equal(t, Usual, again.Summaries()["b"].State)
	from, lines := again.ByHour("a")
	require.Len(t, lines, Hours)
	require.Equal(t, uint32(120), lines[Hours-2])
	require.Equal(t, began.Add(25*time.Hour), from.Add(Hours*time.Hour))
}

func TestBounded(t *testing.T) {
	t.Parallel()
	var e Engine
	for m := range 4 {
		var counts []Count
		for i := range maxKeys / 2 {
			counts = append(counts, Count{Key{string(rune('a'+m)) + time.Duration(i).String(), "web"}, 1})
		}
		e.Minute(began.Add(time.Duration(m)*time.Minute), counts, nil)
		require.LessOrEqual(t, len(e.Keys), maxKeys)
	}
	require.LessOrEqual(t, len(e.Patterns), 2*maxKeys)
}

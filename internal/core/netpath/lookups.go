package netpath

import (
	"context"
	"sync"
	"time"
)

// Lookups keeps short texts that must be asked for elsewhere, such as names in the DNS.
// It asks in the background, a few at a time, and never keeps whoever wants one waiting.
type Lookups[K comparable] struct {
	// Ask gets the text of a key; empty when there is none.
	Ask func(ctx context.Context, key K) string
	// Within is how long one question may take. For is how long a text is kept, NoneFor
	// how long it is remembered that there is none. Most is how many are kept.
	Within, For, NoneFor time.Duration
	Most                 int

	// AtOnce is how many questions may be on their way.
	AtOnce int

	mu    sync.Mutex
	known map[K]looked
	asked int
}

type looked struct {
	text  string
	until time.Time
	busy  bool
}

// Of gives the text of a key; empty while there is none or it is not known yet.
func (l *Lookups[K]) Of(key K) string {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.known[key]
	if x.busy || now.Before(x.until) {
		return x.text
	}
	if l.asked >= l.AtOnce {
		return x.text // asked when fewer are asked
	}
	l.asked++
	if l.known == nil || len(l.known) >= l.Most {
		l.known = map[K]looked{}
	}
	x.busy = true
	l.known[key] = x
	go l.ask(key)
	return x.text
}

func (l *Lookups[K]) ask(key K) {
	ctx, cancel := context.WithTimeout(context.Background(), l.Within)
	defer cancel()
	x := looked{text: l.Ask(ctx, key)}
	x.until = time.Now().Add(l.For)
	if x.text == "" {
		x.until = time.Now().Add(l.NoneFor)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[key] = x
	l.asked--
}

package account

import (
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
)

const (
	// After this many failures within the window an account, or an address, waits.
	maxPerAccount = 6
	maxPerAddress = 30
	window        = 15 * time.Minute
	maxRemembered = 10000
)

// throttle counts failed logins in memory: a restart forgives, which costs an
// attacker more than it gives.
type throttle struct {
	clock clock.Clock
	mu    sync.Mutex
	m     map[string][]time.Time
}

func newThrottle(c clock.Clock) *throttle { return &throttle{clock: c, m: map[string][]time.Time{}} }

func keys(email, address string) map[string]int {
	return map[string]int{"e:" + strings.ToLower(strings.TrimSpace(email)): maxPerAccount, "a:" + address: maxPerAddress}
}

// blocked tells how long to wait, 0 for not at all.
func (t *throttle) blocked(email, address string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, wait := t.clock.Now(), time.Duration(0)
	for k, limit := range keys(email, address) {
		if f := t.recent(k, now); len(f) >= limit {
			wait = max(wait, f[len(f)-limit].Add(window).Sub(now))
		}
	}
	return wait
}

func (t *throttle) recent(k string, now time.Time) []time.Time {
	f := t.m[k]
	for len(f) > 0 && now.Sub(f[0]) > window {
		f = f[1:]
	}
	if len(f) == 0 {
		delete(t.m, k)
	} else {
		t.m[k] = f
	}
	return f
}

func (t *throttle) failed(email, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if len(t.m) > maxRemembered {
		for k := range t.m {
			t.recent(k, now)
		}
		if len(t.m) > maxRemembered {
			clear(t.m)
		}
	}
	for k, limit := range keys(email, address) {
		f := append(t.recent(k, now), now)
		t.m[k] = f[max(0, len(f)-limit):]
	}
}

func (t *throttle) succeeded(email string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, "e:"+strings.ToLower(strings.TrimSpace(email)))
}

package spread

import "time"

// Phase spreads things with the same interval over it, the same way after every
// restart: the id decides (FNV-1a), not the moment of the start. every must be
// positive; the result is at least 0 and less than every.
func Phase(id string, every time.Duration) time.Duration {
	return time.Duration(Hash(id) % uint64(every))
}

// Hash is FNV-1a of s with 64 bits.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Next is the first moment after now that has the phase of id. Moments carry now's
// monotonic reading, so a step of the wall clock moves nothing.
func Next(id string, every time.Duration, now time.Time) time.Time {
	p := Phase(id, every)
	into := (time.Duration(now.UnixNano()%int64(every)) - p + every) % every
	return now.Add(every - into)
}

// Pick chooses one of names for id: the same as long as it is among them, and evenly
// over many ids (rendezvous hashing). Empty when there are none.
func Pick(id string, names []string) string {
	best, top := "", uint64(0)
	for _, n := range names {
		// FNV changes its high bits little for the last bytes of a text; the finalizer
		// of MurmurHash3 mixes them.
		h := Hash(n + "\x00" + id)
		h ^= h >> 33
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
		h *= 0xc4ceb9fe1a85ec53
		h ^= h >> 33
		if best == "" || h > top {
			best, top = n, h
		}
	}
	return best
}

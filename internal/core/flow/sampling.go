package flow

import "time"

// learnOptions takes from options data what other records need: sampling rates
// and the start of the exporter.
func (r *run) learnOptions(src *source, rec *Record) {
	var id, interval, space, size, population uint64
	for i := range rec.Fields {
		f := &rec.Fields[i]
		if f.Enterprise != 0 || f.Scope && rec.Version == NetFlow9 || len(f.Bytes) > 8 {
			continue
		}
		switch f.ID {
		case 48, 302: // samplerId, selectorId
			id = f.Uint()
		case 34, 50, 305: // samplingInterval, samplerRandomInterval, samplingPacketInterval
			interval = f.Uint()
		case 306: // samplingPacketSpace
			space = f.Uint()
		case 309: // samplingSize
			size = f.Uint()
		case 310: // samplingPopulation
			population = f.Uint()
		case 160: // systemInitTimeMilliseconds
			src.boot = time.UnixMilli(int64(f.Uint())).UTC()
			rec.Boot = src.boot
		}
	}
	n := interval
	has := rec.Field(305) != nil
	switch {
	case has && interval > 0 && space < 1<<32: // RFC 5477: so many are taken, so many left out
		n = (interval + space) / interval
	case size > 0 && population > 0:
		n = population / size
	}
	r.cache.sample(src, samplerKey(id), n)
}

// samplingOf finds how a record was sampled: what it says itself, the sampler
// that it names, or what its exporter says about all; 0 when nobody says.
func (s *source) samplingOf(rec *Record) uint64 {
	var own, id, interval, space uint64
	named := false
	for i := range rec.Fields {
		f := &rec.Fields[i]
		if f.Enterprise != 0 || len(f.Bytes) > 8 {
			continue
		}
		switch f.ID {
		case 34:
			own = f.Uint()
		case 305:
			interval = f.Uint()
		case 306:
			space = f.Uint()
		case 48, 302:
			id, named = f.Uint(), true
		}
	}
	switch {
	case own > 0:
		return own
	case interval > 0 && space < 1<<32:
		return (interval + space) / interval
	}
	if len(s.samplers) == 0 {
		return 0
	}
	if named {
		if n := s.samplers[samplerKey(id)]; n > 0 || id != 0 {
			return n
		}
	}
	if n := s.samplers[0]; n > 0 || len(s.samplers) != 1 {
		return n
	}
	for _, n := range s.samplers { // the only one there is
		return n
	}
	return 0
}

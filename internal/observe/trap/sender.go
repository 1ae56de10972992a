package trap

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
)

type sourceRow struct {
	Address   string
	ItemID    string
	Pinned    bool
	Taken     int64
	Limited   int64
	Refused   int64
	Malformed int64
	LastTrap  string
	Why       string
	FirstAt   time.Time
	LastAt    time.Time
}

// sender is an address that sent something.
type sender struct {
	sourceRow
	// tokens are how many events it may still make, as of filled.
	tokens float64
	filled time.Time
	// last is the hash of its last event, which event stands for.
	last  string
	event string
	since time.Time
	seen  time.Time
	// storm is the event that counts what was over the limit.
	storm              string
	stormAt, stormLast time.Time
	over               int64
	overNew            bool
	dirty              bool
}

const (
	// repeatWithin is how soon the same trap must come again to be a repetition;
	// repeatFor is how long one event stands for repetitions.
	repeatWithin = 10 * time.Second
	repeatFor    = time.Hour
	// stormPause ends a storm.
	stormPause = time.Minute
	// placeFor is how long an item of an address is believed.
	placeFor = time.Minute
)

// sender gives that of an address; nil when there are too many that are known.
func (s *Service) sender(addr string, now time.Time) *sender {
	if x := s.senders[addr]; x != nil {
		return x
	}
	if len(s.senders) >= maxSenders {
		// Addresses that only sent rubbish make room: they may be made up.
		var oldest *sender
		for _, x := range s.senders {
			if x.Taken == 0 && !x.Pinned && (oldest == nil || x.LastAt.Before(oldest.LastAt)) {
				oldest = x
			}
		}
		if oldest == nil {
			return nil
		}
		delete(s.senders, oldest.Address)
		s.evicted = append(s.evicted, oldest.Address)
	}
	x := &sender{sourceRow: sourceRow{Address: addr, FirstAt: now.UTC()}}
	s.senders[addr] = x
	return x
}

// admit tells whether the sender may make another event.
func (x *sender) admit(now time.Time, set Settings) bool {
	if x.filled.IsZero() {
		x.tokens = float64(set.Burst)
	} else {
		x.tokens = min(float64(set.Burst), x.tokens+now.Sub(x.filled).Seconds()*float64(set.PerSecond))
	}
	x.filled = now
	if x.tokens >= 1 {
		x.tokens--
		return true
	}
	x.Limited++
	if x.storm == "" || now.Sub(x.stormLast) > stormPause {
		x.storm, x.stormAt, x.over = id.New(), now, 0
	}
	x.over++
	x.overNew = true
	x.stormLast = now
	return false
}

// place is the item that has an address.
type place struct {
	itemID, item, team string
	keys               *snmptrap.Keys
	at                 time.Time
}

// place finds the item of an address, and what that item may send with.
func (s *Service) place(ctx context.Context, addr string, now time.Time) place {
	if p, ok := s.places[addr]; ok && now.Sub(p.at) < placeFor {
		return p
	}
	if len(s.places) > 2*maxSenders {
		clear(s.places)
	}
	p := place{at: now}
	q := s.d.DB.Reader()
	itemID := ""
	if x := s.senders[addr]; x != nil && x.Pinned {
		itemID = x.ItemID
	}
	ip, edge := splitSender(addr)
	alone := s.alone(addr)
	if itemID == "" {
		itemID = s.deviceAt(ip, edge)
	}
	if itemID == "" && s.owners != nil && alone {
		if found, err := s.owners.ItemAt(ctx, q, ip); err == nil {
			itemID = found
		} else if !errs.Is(err, errs.NotFound) {
			s.d.Logger.Warn("the item of a sender of traps cannot be looked up", "error", err)
		}
	}
	if itemID != "" {
		if its, err := s.items.ByIDs(ctx, q, []string{itemID}); err == nil {
			if it, ok := its[itemID]; ok {
				p.itemID, p.item, p.team = it.ID, it.Name, it.OwnerTeamID
			}
		}
	} else if it, err := s.items.ByName(ctx, q, ip); err == nil && alone {
		// An item of which only the address is known has it as its name.
		p.itemID, p.item, p.team = it.ID, it.Name, it.OwnerTeamID
	}
	if p.itemID != "" && s.creds != nil {
		if t, err := s.creds.SNMP(ctx, q, p.itemID); err == nil {
			p.keys = snmptrap.NewKeys(snmptrap.Key{Name: "the credential that it is read with", Target: t})
		}
	}
	s.places[addr] = p
	return p
}

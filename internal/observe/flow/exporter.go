package flow

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

const (
	maxExporters = 2_000
	maxNames     = 20_000 // of interfaces, and of applications, of one exporter
	maxNameBytes = 100
	rateSlots    = 60
	rateSlot     = 10 // seconds
)

// learned is what an exporter says of itself in options data.
type learned struct {
	Interfaces   map[uint32]string `json:"interfaces,omitempty"`
	Descriptions map[uint32]string `json:"descriptions,omitempty"`
	Applications map[string]string `json:"applications,omitempty"`
}

// figures are counts that survive a restart.
type figures struct {
	Records  uint64   `json:"records"`
	Bytes    uint64   `json:"bytes"`
	Skipped  uint64   `json:"skipped"` // records without addresses
	Versions []string `json:"versions"`
	SentBy   string   `json:"sent_by"`
}

// exporter is one that was heard.
type exporter struct {
	origin

	mu          sync.Mutex
	itemID      string
	item        string
	viaItem     string // the item of the sender of its datagrams
	looked      time.Time
	first, last time.Time
	names       learned
	figures     figures
	polled      map[uint32]estate.Interface
	sources     []netflow.SourceStats // as its edge says
	sampling    uint64                // of the last record
	longest     time.Duration
	longestAt   time.Time
	ring        [rateSlots]uint64
	ringAt      int64
	dirty       bool
	namesDirty  bool
}

// exporters are all that were heard; the one silent longest makes room.
type exporters struct {
	mu sync.RWMutex
	m  map[origin]*exporter
}

func (e *exporters) of(a origin, now time.Time) *exporter {
	e.mu.RLock()
	x := e.m[a]
	e.mu.RUnlock()
	if x != nil {
		return x
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if x = e.m[a]; x != nil {
		return x
	}
	if len(e.m) >= maxExporters {
		var oldest *exporter
		for _, o := range e.m {
			if oldest == nil || o.lastHeard().Before(oldest.lastHeard()) {
				oldest = o
			}
		}
		delete(e.m, oldest.origin)
	}
	x = &exporter{origin: a, first: now}
	e.m[a] = x
	return x
}

func (e *exporters) get(a origin) *exporter {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.m[a]
}

func (e *exporters) all() []*exporter {
	e.mu.RLock()
	out := make([]*exporter, 0, len(e.m))
	for _, x := range e.m {
		out = append(out, x)
	}
	e.mu.RUnlock()
	slices.SortFunc(out, func(a, b *exporter) int {
		return cmp.Or(a.addr.Compare(b.addr), strings.Compare(a.edge, b.edge))
	})
	return out
}

func (x *exporter) lastHeard() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.last
}

// heard notes a datagram with n records.
func (x *exporter) heard(now time.Time, from signal.Source, item string, version netflow.Version, n, skipped int, bytes uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last, x.dirty = now, true
	x.viaItem = item
	if sent := from.Address.String(); x.figures.SentBy != sent {
		x.figures.SentBy = sent
	}
	if !slices.Contains(x.figures.Versions, string(version)) {
		x.figures.Versions = append(x.figures.Versions, string(version))
		slices.Sort(x.figures.Versions)
	}
	x.figures.Records += uint64(n)
	x.figures.Skipped += uint64(skipped)
	x.figures.Bytes += bytes
	slot := now.Unix() / rateSlot
	x.roll(slot)
	x.ring[slot%rateSlots] += uint64(n)
}

func (x *exporter) roll(slot int64) {
	if slot-x.ringAt >= rateSlots {
		clear(x.ring[:])
	} else {
		for i := x.ringAt + 1; i <= slot; i++ {
			x.ring[i%rateSlots] = 0
		}
	}
	x.ringAt = max(x.ringAt, slot)
}

// rate is the records per second of the last minutes, in steps, the newest last.
func (x *exporter) rate(now time.Time) []float64 {
	slot := now.Unix() / rateSlot
	x.roll(slot)
	out := make([]float64, 0, rateSlots-1)
	for i := slot - rateSlots + 1; i < slot; i++ {
		out = append(out, float64(x.ring[(i%rateSlots+rateSlots)%rateSlots])/rateSlot)
	}
	return out
}

// span notes how long a time one record speaks of: exporters that report long flows
// once make peaks that were none.
func (x *exporter) span(now time.Time, d time.Duration, sampling uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if d > x.longest || now.Sub(x.longestAt) > time.Hour {
		x.longest, x.longestAt = d, now
	}
	x.sampling = sampling
}

func cleanName(b string) string {
	b = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(b, "")))
	if len(b) > maxNameBytes {
		b = strings.ToValidUTF8(b[:maxNameBytes], "")
	}
	return b
}

// learn takes names of interfaces and applications out of options data.
func (x *exporter) learn(r *netflow.Record) {
	var index uint32
	var name, descr, app, appName string
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Enterprise != 0 || len(f.Bytes) > 1000 {
			continue
		}
		switch {
		case f.Scope && r.Version == netflow.NetFlow9:
			if f.ID == 2 { // the scope Interface of RFC 3954
				index = uint32(f.Uint())
			}
		case f.ID == 10 || (f.ID == 14 || f.ID == 252) && index == 0:
			index = uint32(f.Uint())
		case f.ID == 82:
			name = cleanName(string(f.Bytes))
		case f.ID == 83:
			descr = cleanName(string(f.Bytes))
		case f.ID == 95:
			app, _ = f.Value().(string)
		case f.ID == 96:
			appName = cleanName(string(f.Bytes))
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	put := func(changed bool) { x.namesDirty = x.namesDirty || changed }
	if index != 0 {
		put(setName(&x.names.Interfaces, index, name))
		put(setName(&x.names.Descriptions, index, descr))
	}
	if app != "" {
		put(setName(&x.names.Applications, app, appName))
	}
}

func setName[K comparable](m *map[K]string, k K, v string) bool {
	old, there := (*m)[k]
	if v == "" || old == v || !there && len(*m) >= maxNames {
		return false
	}
	if *m == nil {
		*m = map[K]string{}
	}
	(*m)[k] = v
	return true
}

// app names the application of a record: as the exporter says, else by its port.
func (x *exporter) app(id string, s service) string {
	if id == "" {
		return appOf(s)
	}
	x.mu.Lock()
	name := x.names.Applications[id]
	x.mu.Unlock()
	if name != "" {
		return name
	}
	// Engine 3 of RFC 6759 numbers applications by the ports of the IANA.
	if port, ok := strings.CutPrefix(id, "3.."); ok {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return appOf(service{s.protocol, uint16(n)})
		}
	}
	return appOf(s)
}

// interfaceName is what people call an interface: as SNMP says, else as the exporter.
func (x *exporter) interfaceName(index uint32) (name, alias string, speed uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p, ok := x.polled[index]; ok {
		return cmp.Or(p.Name, p.Descr), p.Alias, p.SpeedBPS
	}
	return x.names.Interfaces[index], x.names.Descriptions[index], 0
}

const lookAgain = time.Minute

// look finds the item of an exporter and the names of its interfaces.
func (s *Service) look(ctx context.Context, x *exporter, now time.Time) {
	x.mu.Lock()
	fresh := now.Sub(x.looked) < lookAgain
	via, sentBy := x.viaItem, x.figures.SentBy
	x.mu.Unlock()
	if fresh {
		return
	}
	q := s.d.DB.Reader()
	itemID := ""
	if x.edge != "" {
		itemID = s.deviceAt(x.origin)
	}
	if itemID == "" && s.owners != nil && (x.edge == "" || s.exporters.alone(x.origin)) {
		if found, err := s.owners.ItemAt(ctx, q, x.addr.String()); err == nil {
			itemID = found
		}
	}
	item := ""
	if itemID != "" {
		if its, err := s.items.ByIDs(ctx, q, []string{itemID}); err == nil {
			item = its[itemID].Name
		}
	}
	if item == "" && (x.edge == "" || s.exporters.alone(x.origin)) {
		if it, err := s.items.ByName(ctx, q, x.addr.String()); err == nil {
			itemID, item = it.ID, it.Name
		}
	}
	// What an agent of sFlow says it is counts for less than who sends.
	if item == "" && via != "" && sentBy == x.addr.String() {
		if it, err := s.items.ByName(ctx, q, via); err == nil {
			itemID, item = it.ID, it.Name
		}
	}
	var polled map[uint32]estate.Interface
	if itemID != "" && s.network != nil {
		if m, err := s.network.Interfaces(ctx, q, []string{itemID}); err == nil {
			polled = make(map[uint32]estate.Interface, len(m[itemID]))
			for _, i := range m[itemID] {
				polled[uint32(i.Index)] = i //nolint:gosec // ifIndex has 32 bits
			}
		}
	}
	x.mu.Lock()
	if x.itemID != itemID {
		x.dirty = true
	}
	x.looked, x.itemID, x.item, x.polled = now, itemID, item, polled
	x.mu.Unlock()
}

type exporterRow struct {
	Address         string
	ItemID          string
	FirstAt, LastAt time.Time
	Names, Figures  string
}

func (s *Service) loadExporters(ctx context.Context) error {
	var rows []exporterRow
	if err := s.d.DB.Reader().NewRaw("SELECT * FROM flow_exporters ORDER BY last_at DESC LIMIT ?", maxExporters).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		a, ok := parseOrigin(r.Address)
		if !ok {
			continue
		}
		x := &exporter{origin: a, itemID: r.ItemID, first: r.FirstAt.UTC(), last: r.LastAt.UTC()}
		// What cannot be read is learned again.
		_ = json.Unmarshal([]byte(r.Names), &x.names)
		_ = json.Unmarshal([]byte(r.Figures), &x.figures)
		s.exporters.m[a] = x
	}
	return nil
}

// row takes what is to be written; ok is false when nothing is new.
func (x *exporter) row() (r exporterRow, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.dirty && !x.namesDirty {
		return r, false
	}
	names, err := json.Marshal(x.names)
	fig, err2 := json.Marshal(x.figures)
	if err != nil || err2 != nil {
		return r, false
	}
	x.dirty, x.namesDirty = false, false
	return exporterRow{x.String(), x.itemID, x.first.UTC(), x.last.UTC(), string(names), string(fig)}, true
}

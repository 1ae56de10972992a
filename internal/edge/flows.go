package edge

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/flow"
)

const (
	// templatesFile is what was learned of exporters.
	templatesFile = "templates.json"
	// templatesEvery is how often it is written when something is new.
	templatesEvery = 10 * time.Second
	// maxFlows bounds the records that wait to be written to the buffer.
	maxFlows = 10 * edgewire.MaxFlows
)

// exporterKey is what the records of a block have in common.
type exporterKey struct {
	exporter, sender netip.Addr
	version          flow.Version
}

// flows decodes what exporters report.
type flows struct {
	dir     string
	decoder *flow.Decoder

	mu      sync.Mutex
	blocks  map[exporterKey]*edgewire.FlowBlock
	order   []exporterKey
	waiting int   // records
	options int   // records of options data
	last    int64 // the time of the last record
	learned uint64
	saved   time.Time
}

// newFlows reads what was learned before; what cannot be read is learned again.
func newFlows(dir string) (*flows, error) {
	f := &flows{dir: dir, decoder: flow.NewDecoder(flow.Limits{}), blocks: map[exporterKey]*edgewire.FlowBlock{}}
	b, err := os.ReadFile(filepath.Join(dir, templatesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	var s flow.Snapshot
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err == nil {
		f.decoder.Restore(s)
		f.learned = f.decoder.Learned()
	}
	return f, err
}

// flowVersions by the second byte of a datagram.
var flowVersions = map[byte]flow.Version{0: flow.SFlow5, 5: flow.NetFlow5, 9: flow.NetFlow9, 10: flow.IPFIX}

// take decodes a datagram; false when it was not one, or came too fast.
func (f *flows) take(port string, sender netip.Addr, b []byte, now time.Time) bool {
	if !flow.Is(b) || flow.IsSFlow(b) != (port == edgewire.PortSFlow) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, any := true, false
	_ = f.decoder.Decode(sender, now, b, func(r *flow.Record) { // what was read before a mistake counts
		switch r.Kind {
		case flow.Options:
			if f.options < edgewire.MaxFlowOptions {
				if x := f.block(exporterKey{r.Exporter, sender, r.Version}); x != nil {
					x.Options = append(x.Options, option(r))
					f.options++
					any = true
				}
			}
			return
		case flow.Traffic:
		default:
			return
		}
		x := f.block(exporterKey{r.Exporter, sender, r.Version})
		if x == nil || f.waiting >= maxFlows {
			kept = false
			return
		}
		any = true
		v, ok := r.Flow()
		if !ok {
			x.Skipped++
			return
		}
		// The next one may be the way back of the same record.
		f.last = max(now.UnixNano(), f.last+2)
		x.Records = append(x.Records, edgewire.NewFlowRecord(&v, f.last))
		f.waiting++
	})
	if !any && kept && port != edgewire.PortSFlow {
		// Templates, or records that wait for theirs: people must see that it sends.
		kept = f.block(exporterKey{sender, sender, flowVersions[b[1]]}) != nil
	}
	return kept
}

// block gives that of an exporter; nil when there are too many. f.mu is held.
func (f *flows) block(k exporterKey) *edgewire.FlowBlock {
	x := f.blocks[k]
	if x == nil && len(f.blocks) < edgewire.MaxFlowBlocks {
		x = &edgewire.FlowBlock{Exporter: k.exporter, Sender: k.sender, Version: k.version}
		f.blocks[k] = x
		f.order = append(f.order, k)
	}
	return x
}

func option(r *flow.Record) edgewire.FlowOption {
	var out edgewire.FlowOption
	for i := range r.Fields {
		if x := &r.Fields[i]; len(x.Bytes) <= 1000 && len(out) < 100 {
			out = append(out, edgewire.FlowField{Enterprise: x.Enterprise, ID: x.ID, Scope: x.Scope, Bytes: slices.Clone(x.Bytes)})
		}
	}
	return out
}

// batch gives what waits, as much as fits into one batch.
func (f *flows) batch() (out []edgewire.FlowBlock, records int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := edgewire.MaxFlows
	for len(f.order) > 0 && room > 0 {
		k := f.order[0]
		x := f.blocks[k]
		b := *x
		if len(x.Records) > room {
			b.Records, x.Records = x.Records[:room], x.Records[room:]
			b.Options, x.Skipped = nil, 0
			f.waiting -= room
			out, records = append(out, b), records+room
			return out, records
		}
		room -= len(b.Records)
		records += len(b.Records)
		f.waiting -= len(b.Records)
		f.options -= len(b.Options)
		if s := f.decoder.Sources(k.exporter); len(s) > 0 {
			b.Sources = s[:min(len(s), edgewire.MaxFlowSources)]
		}
		delete(f.blocks, k)
		f.order = f.order[1:]
		out = append(out, b)
	}
	return out, records
}

// save writes what was learned, when something is new; now or, unless at once, not
// more often than templatesEvery.
func (f *flows) save(now time.Time, atOnce bool) error {
	f.mu.Lock()
	learned := f.decoder.Learned()
	if learned == f.learned || !atOnce && now.Sub(f.saved) < templatesEvery {
		f.mu.Unlock()
		return nil
	}
	f.saved = now
	f.mu.Unlock()
	b, err := json.Marshal(f.decoder.Snapshot())
	if err == nil {
		err = replaceFile(filepath.Join(f.dir, templatesFile), b)
	}
	if err == nil {
		f.mu.Lock()
		f.learned = learned
		f.mu.Unlock()
	}
	return err
}

package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
)

// A batch is stored at once: so many hosts, or so many that become items, or what
// came within a moment.
const (
	batchHosts = 500
	batchItems = 20
	batchWait  = 250 * time.Millisecond
	maxClaims  = 200_000
)

// The outcomes of a finding.
const (
	isNew       = "new"
	isChanged   = "changed"
	isVanished  = "vanished"
	isUnchanged = "unchanged"
)

// claim is who says that an address belongs to a hardware address.
type claim struct{ mac, who string }

// detail is what a finding holds besides its line.
type detail struct {
	Changes  []Change `json:"changes,omitempty"`
	Problems []string `json:"problems,omitempty"`
	Facts    facts    `json:"facts,omitempty"`
	SeenBy   string   `json:"seen_by,omitempty"`
	RTTMS    float64  `json:"rtt_ms,omitempty"`
	Since    string   `json:"since,omitempty"`
}

type hostRow struct {
	JobID, Address, Facts, Credential, ItemID, Item, LastRun string
	FirstSeen, LastSeen                                      time.Time
	Missed                                                   int
}

// keepAll stores what the sweep finds and tells browsers how far it is, until the
// sweep has ended.
func (a *active) keepAll(ctx context.Context) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	ticks := 0
	var batch []*sweep.Host
	items := 0
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if err := a.keep(ctx, batch); err != nil {
			a.mu.Lock()
			a.failure = err
			a.mu.Unlock()
			a.stop(failed, "")
		} else {
			for _, h := range batch {
				a.sw.Done(h)
			}
		}
		batch, items = nil, 0
	}
	var soon <-chan time.Time
	for {
		select {
		case h, open := <-a.found:
			if !open {
				flush()
				return
			}
			if len(batch) == 0 {
				soon = time.After(batchWait)
			}
			batch = append(batch, h)
			if a.spec.Add == addAll || h.Extra != nil || a.spec.Add == addIdentified && h.Name != "" {
				items++
			}
			if len(batch) >= batchHosts || items >= batchItems {
				flush()
			}
		case <-soon:
			flush()
		case <-tick.C:
			if ticks++; ticks%4 == 0 {
				if err := a.r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
					if err := a.flushLog(ctx, tx); err != nil {
						return err
					}
					return a.saveProgress(ctx, tx)
				}); err != nil {
					a.r.s.d.Logger.Warn("the progress of a discovery run could not be stored", "job", a.run.Job, "error", err)
				}
			}
			if a.r.s.d.Live.Wanted("discovery") {
				if v, err := a.r.s.run1(ctx, a.r.s.d.DB.Reader(), a.run.ID); err == nil {
					a.r.s.d.Live.Send(live.Note{Topic: "discovery", Kind: "progress", ID: a.run.ID, Data: v})
				}
			}
		}
	}
}

// keep stores a batch in one transaction.
func (a *active) keep(ctx context.Context, batch []*sweep.Host) error {
	err := a.r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		addrs := make([]string, len(batch))
		for i, h := range batch {
			addrs[i] = h.Address.String()
		}
		var rows []hostRow
		if err := tx.NewRaw("SELECT * FROM discovery_hosts WHERE job_id = ? AND address IN (?)", a.run.jobID, bun.In(addrs)).Scan(ctx, &rows); err != nil {
			return err
		}
		known := make(map[string]hostRow, len(rows))
		for _, r := range rows {
			known[r.Address] = r
		}
		w := &writer{a: a, ctx: ctx, tx: tx}
		slices.SortFunc(batch, func(x, y *sweep.Host) int { return x.Address.Compare(y.Address) })
		for _, h := range batch {
			if err := w.host(h, known[h.Address.String()]); err != nil {
				return err
			}
		}
		return w.store()
	})
	if err == nil && len(batch) > 0 {
		a.r.s.d.Live.Send(live.Note{Topic: "discovery", Kind: "findings", ID: a.run.ID})
	}
	return err
}

// writer collects the rows of a batch, which are written with two statements.
type writer struct {
	a        *active
	ctx      context.Context
	tx       *db.Tx
	hosts    []any
	findings []any
	nHosts   int
	counts   map[string]int
}

func (w *writer) host(h *sweep.Host, old hostRow) error {
	a, tx, addr := w.a, w.tx, h.Address.String()
	rd, _ := h.Extra.(*visit.Reading)
	var was facts
	if old.Address != "" {
		if err := json.Unmarshal([]byte(old.Facts), &was); err != nil {
			return err
		}
	}
	now := factsOf(was, a.spec, h, rd)
	if replaced(was, now) {
		// What the other thing had is not that of this one.
		now = factsOf(nil, a.spec, h, rd)
	}
	d := detail{Facts: now, SeenBy: h.SeenBy, RTTMS: float64(h.RTT.Microseconds()) / 1000}
	outcome := isNew
	if old.Address != "" {
		d.Changes = diff(was, now)
		if old.Missed >= a.spec.VanishedAfter {
			d.Changes = append([]Change{{Field: "state", From: "vanished", To: "answers"}}, d.Changes...)
		}
		outcome = isUnchanged
		if len(d.Changes) > 0 {
			outcome = isChanged
		}
	}
	d.Problems = a.problems(h, rd, was, now, old)
	if replaced(was, now) {
		old.ItemID, old.Item = "", ""
	}
	credential := old.Credential
	if rd != nil {
		credential = rd.Credential
	}
	if old.ItemID == "" && a.spec.From == "" {
		old.ItemID = a.r.s.own(h.Address)
	}
	if old.ItemID != "" {
		// It may have been renamed, or removed, since.
		is, err := a.r.s.catalog.ByIDs(w.ctx, tx, []string{old.ItemID})
		if err != nil {
			return err
		}
		old.Item = is[old.ItemID].Name
		if old.Item == "" {
			old.ItemID = ""
		}
	}
	if old.ItemID != "" || a.spec.Add == addAll || a.spec.Add == addIdentified && now.identified() {
		in := now.item(old.Item, addr)
		if _, err := netip.ParseAddr(old.Item); err == nil && now.title(addr) != addr {
			in.Title = now.title(addr) // it was known by its address alone until now
		}
		second, err := a.secondary(w.ctx, tx, old.ItemID, addr, now)
		if err != nil {
			return err
		}
		if second {
			for _, k := range perAddress {
				delete(in.Attributes, k)
			}
		}
		it, err := a.r.s.placeHost(w.ctx, tx, in, placed{host: h, rd: rd, address: addr, mac: now["mac"], second: second, place: a.spec.From})
		switch {
		case errs.Is(err, errs.Invalid) || errs.Is(err, errs.Conflict):
			d.Problems = append(d.Problems, "It could not be put on the map: "+err.Error())
		case err != nil:
			return err
		default:
			old.ItemID, old.Item = it.ID, it.Name
		}
	}
	for _, p := range d.Problems {
		a.note(addr, "item", false, p)
	}
	a.describe(h)
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	about, err := json.Marshal(d)
	if err != nil {
		return err
	}
	since := tx.Now()
	if old.Address != "" {
		since = old.FirstSeen
	}
	w.hosts = append(w.hosts, a.run.jobID, addr, string(text), credential, old.ItemID, old.Item, a.run.ID, since, tx.Now(), 0)
	w.nHosts++
	return w.finding(addr, outcome, now.title(addr), now.about(), string(about), old.Item)
}

func (w *writer) finding(addr, outcome, name, about, detail, item string) error {
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[outcome]++
	words := strings.ToLower(strings.Join([]string{addr, name, about, item}, " "))
	w.findings = append(w.findings, id.New(), w.a.run.ID, w.a.run.jobID, addr, outcome, name, about, detail, item, words, w.tx.Now())
	return nil
}

func values(n, columns int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
}

// store writes the rows. What a run that was interrupted had found already keeps
// its outcome: it was new then, and is not unchanged now.
func (w *writer) store() error {
	if w.nHosts > 0 {
		if _, err := w.tx.NewRaw("INSERT INTO discovery_hosts (job_id, address, facts, credential, item_id, item, last_run, first_seen, last_seen, missed) VALUES "+values(w.nHosts, 10)+
			" ON CONFLICT (job_id, address) DO UPDATE SET facts = excluded.facts, credential = excluded.credential, item_id = excluded.item_id, item = excluded.item, last_run = excluded.last_run, last_seen = excluded.last_seen, missed = 0", w.hosts...).Exec(w.ctx); err != nil {
			return err
		}
	}
	n := len(w.findings) / 11
	if n == 0 {
		return nil
	}
	if _, err := w.tx.NewRaw("INSERT INTO discovery_findings (id, run_id, job_id, address, outcome, name, about, detail, item, words, found_at) VALUES "+values(n, 11)+" ON CONFLICT (run_id, address) DO UPDATE SET item = excluded.item", w.findings...).Exec(w.ctx); err != nil {
		return err
	}
	if w.a.run.Resumed > 0 {
		return recount(w.ctx, w.tx, w.a.run.ID)
	}
	_, err := w.tx.NewRaw("UPDATE discovery_runs SET n_new = n_new + ?, n_changed = n_changed + ?, n_vanished = n_vanished + ?, n_unchanged = n_unchanged + ? WHERE id = ?",
		w.counts[isNew], w.counts[isChanged], w.counts[isVanished], w.counts[isUnchanged], w.a.run.ID).Exec(w.ctx)
	return err
}

// recount counts the findings of a run; after an interruption some are met twice.
func recount(ctx context.Context, tx *db.Tx, runID string) error {
	count := func(outcome string) string {
		return "(SELECT COUNT(*) FROM discovery_findings f WHERE f.run_id = discovery_runs.id AND f.outcome = '" + outcome + "')"
	}
	_, err := tx.NewRaw("UPDATE discovery_runs SET n_new = "+count(isNew)+", n_changed = "+count(isChanged)+", n_vanished = "+count(isVanished)+", n_unchanged = "+count(isUnchanged)+" WHERE id = ?", runID).Exec(ctx)
	return err
}

// describe writes to the log how the host was seen.
func (a *active) describe(h *sweep.Host) {
	if !a.spec.has("ports") && !a.spec.has("names") {
		return
	}
	text := "It answered"
	switch h.SeenBy {
	case "icmp":
		text = fmt.Sprintf("It answered a ping in %.1f ms", float64(h.RTT.Microseconds())/1000)
	case "arp":
		text = "The local segment knows it (ARP), but it does not answer a ping"
	}
	if h.MAC != "" {
		text += ", hardware address " + h.MAC
	}
	if n := len(h.Services); n > 0 {
		open := make([]string, n)
		for i, s := range h.Services {
			open[i] = s.String()
		}
		text += "; open: " + strings.Join(open, ", ")
	}
	a.note(h.Address.String(), "host", true, text+".")
	if len(h.Names) > 0 && h.Name == "" {
		a.note(h.Address.String(), "dns", false, "Its name "+h.Names[0]+" does not lead back to it; the name is not believed.")
	}
}

// problems are sentences about what is not as it should be at a host.
func (a *active) problems(h *sweep.Host, rd *visit.Reading, was, now facts, old hostRow) []string {
	var out []string
	addr := h.Address.String()
	if ms := a.sw.MACs(h.Address); len(ms) > 1 {
		out = append(out, fmt.Sprintf("Two devices use the address %s: %s answer for it.", addr, strings.Join(ms, " and ")))
	}
	if replaced(was, now) {
		out = append(out, fmt.Sprintf("%s was %s (serial %s) and is now %s (serial %s): it was replaced, or two devices use this address.", addr, was.title(addr), was["serial"], now.title(addr), now["serial"]))
	} else if was["mac"] != "" && now["mac"] != "" && was["mac"] != now["mac"] && !movable(now["mac"]) {
		out = append(out, fmt.Sprintf("The hardware address of %s changed from %s to %s: it was replaced, or two devices use this address.", addr, was["mac"], now["mac"]))
	}
	if rd == nil {
		if old.Credential != "" && len(a.creds) > 0 {
			out = append(out, fmt.Sprintf("It was read by SNMP with the credential %s before and does not answer SNMP now.", old.Credential))
		}
		return out
	}
	out = append(out, rd.Problems...)
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := now["serial"]; s != "" {
		me := now.title(addr) + " (" + addr + ")"
		if other, dup := a.serials[s]; dup && !strings.HasPrefix(other, now.title(addr)+" ") {
			out = append(out, fmt.Sprintf("The serial %s is also that of %s.", s, other))
		} else if !dup {
			a.serials[s] = me
		}
	}
	for _, i := range rd.Device.Interfaces {
		if i.MAC != "" && len(a.devices) < maxClaims {
			a.devices[i.MAC] = true
		}
	}
	for _, x := range rd.Device.Hosts {
		ip, err := netip.ParseAddr(x.Address)
		// Link-local addresses are the same on many segments.
		if err != nil || ip.IsLinkLocalUnicast() || x.MAC == "" || movable(x.MAC) || len(a.claims) >= maxClaims {
			continue
		}
		c, seen := a.claims[ip.String()]
		if !seen {
			a.claims[ip.String()] = claim{x.MAC, now.title(addr)}
		} else if c.mac != x.MAC && c.who != "" {
			out = append(out, fmt.Sprintf("Two devices use the address %s: %s knows it as %s, %s as %s.", ip, c.who, c.mac, now.title(addr), x.MAC))
			a.claims[ip.String()] = claim{c.mac, ""} // said once
		}
	}
	return out
}

// conclude counts those that did not answer, and removes runs that are too old.
func (a *active) conclude(ctx context.Context) error {
	if err := a.learnMACs(ctx); err != nil {
		return err
	}
	after := ""
	for {
		n := 0
		err := a.r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			var rows []hostRow
			if err := tx.NewRaw("SELECT * FROM discovery_hosts WHERE job_id = ? AND last_run <> ? AND address > ? ORDER BY address LIMIT 500", a.run.jobID, a.run.ID, after).Scan(ctx, &rows); err != nil || len(rows) == 0 {
				return err
			}
			n, after = len(rows), rows[len(rows)-1].Address
			return a.missing(ctx, tx, rows)
		})
		if err != nil {
			return err
		}
		if n < 500 {
			break
		}
	}
	return a.r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var old []string
		if err := tx.NewRaw("SELECT id FROM discovery_runs WHERE job_id = ? ORDER BY id DESC LIMIT 100 OFFSET ?", a.run.jobID, keepRuns).Scan(ctx, &old); err != nil || len(old) == 0 {
			return err
		}
		for _, q := range []string{"DELETE FROM discovery_log WHERE run_id IN (?)", "DELETE FROM discovery_findings WHERE run_id IN (?)", "DELETE FROM discovery_runs WHERE id IN (?)"} {
			if _, err := tx.NewRaw(q, bun.In(old)).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// missing notes hosts that did not answer in this run. One whose address is no
// longer among the targets is left as it is.
func (a *active) missing(ctx context.Context, tx *db.Tx, rows []hostRow) error {
	ts, err := a.run.Spec.check()
	if err != nil {
		return err
	}
	w := &writer{a: a, ctx: ctx, tx: tx}
	var missed []string
	for _, r := range rows {
		ip, err := netip.ParseAddr(r.Address)
		var f facts
		if err != nil || json.Unmarshal([]byte(r.Facts), &f) != nil || !ts.Contains(ip) && !slices.Contains(ts.Names(), f["asked"]) {
			continue
		}
		missed = append(missed, r.Address)
		if r.Missed+1 != a.spec.VanishedAfter {
			continue
		}
		text, err := json.Marshal(detail{Facts: f, Since: r.LastSeen.UTC().Format(time.RFC3339)})
		if err != nil {
			return err
		}
		a.note(r.Address, "run", false, fmt.Sprintf("It has not answered in %d runs: it counts as vanished.", a.spec.VanishedAfter))
		if err := w.finding(r.Address, isVanished, f.title(r.Address), f.about(), string(text), r.Item); err != nil {
			return err
		}
	}
	if len(missed) > 0 {
		// last_run keeps a run that is concluded twice from counting twice.
		if _, err := tx.NewRaw("UPDATE discovery_hosts SET missed = missed + 1, last_run = ? WHERE job_id = ? AND address IN (?)", a.run.ID, a.run.jobID, bun.In(missed)).Exec(ctx); err != nil {
			return err
		}
	}
	return w.store()
}

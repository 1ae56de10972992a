package address

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// Range is a stretch of a prefix that is not given out by hand.
type Range struct {
	ID          string `json:"id"`
	First       string `json:"first"`
	Last        string `json:"last"`
	Purpose     string `json:"purpose" enum:"dhcp,reserved"`
	Description string `json:"description,omitempty"`
}

// RangeFields is the input of a range.
type RangeFields struct {
	First       string `json:"first" maxLength:"64"`
	Last        string `json:"last" maxLength:"64"`
	Purpose     string `json:"purpose" enum:"dhcp,reserved"`
	Description string `json:"description,omitempty" maxLength:"2000"`
}

type rangeRow struct {
	ID, First, Last, Purpose, Description string
}

func rangesOf(ctx context.Context, q bun.IDB, prefixID string) ([]Range, []span, error) {
	var rows []rangeRow
	if err := q.NewRaw("SELECT id, first, last, purpose, description FROM address_ranges WHERE prefix_id = ? ORDER BY first", prefixID).Scan(ctx, &rows); err != nil {
		return nil, nil, err
	}
	out, spans := make([]Range, len(rows)), make([]span, len(rows))
	for i, r := range rows {
		spans[i] = span{fromKey(r.First), fromKey(r.Last)}
		out[i] = Range{ID: r.ID, First: spans[i].first.String(), Last: spans[i].last.String(), Purpose: r.Purpose, Description: r.Description}
	}
	return out, spans, nil
}

func (s *Service) addRange(ctx context.Context, tx *db.Tx, prefixID string, f RangeFields) (Range, error) {
	p, err := prefixByID(ctx, tx, prefixID)
	if err != nil {
		return Range{}, err
	}
	var bad []errs.Field
	ends := [2]netip.Addr{}
	for i, x := range []struct{ path, text string }{{"first", f.First}, {"last", f.Last}} {
		a, err := parseAddr(x.path, x.text)
		if err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
			continue
		}
		if !p.net().Contains(a) {
			bad = append(bad, errs.Field{Path: x.path, Value: x.text, Message: "must be inside " + p.Prefix})
		}
		ends[i] = a
	}
	if len(bad) == 0 && ends[1].Less(ends[0]) {
		bad = append(bad, errs.Field{Path: "last", Value: f.Last, Message: "must not be before " + f.First})
	}
	if f.Purpose != dhcp && f.Purpose != reserved {
		bad = append(bad, errs.Field{Path: "purpose", Value: cut(f.Purpose), Message: "must be dhcp or reserved"})
	}
	if err := errs.Fields(bad...); err != nil {
		return Range{}, err
	}
	have, spans, err := rangesOf(ctx, tx, prefixID)
	if err != nil {
		return Range{}, err
	}
	for i, sp := range spans {
		if !ends[1].Less(sp.first) && !sp.last.Less(ends[0]) {
			return Range{}, errs.New(errs.Conflict, "The range overlaps %s to %s.", have[i].First, have[i].Last)
		}
	}
	r := Range{ID: id.New(), First: ends[0].String(), Last: ends[1].String(), Purpose: f.Purpose, Description: f.Description}
	if _, err := tx.NewRaw("INSERT INTO address_ranges (id, prefix_id, first, last, purpose, description, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)", r.ID, prefixID, key(ends[0]), key(ends[1]), r.Purpose, r.Description, tx.Now()).Exec(ctx); err != nil {
		return r, err
	}
	s.tell(tx, "prefix", prefixID)
	return r, audit.Write(ctx, tx, audit.Change{Action: "range.create", Ref: prefixRef(prefixID), Name: nameOf(p.VRF, p.Prefix), After: r})
}

func (s *Service) deleteRange(ctx context.Context, tx *db.Tx, prefixID, rangeID string) error {
	p, err := prefixByID(ctx, tx, prefixID)
	if err != nil {
		return err
	}
	have, _, err := rangesOf(ctx, tx, prefixID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(have, func(r Range) bool { return r.ID == rangeID })
	if i < 0 {
		return errs.New(errs.NotFound, "There is no such range.")
	}
	if _, err := tx.NewRaw("DELETE FROM address_ranges WHERE id = ?", rangeID).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "prefix", prefixID)
	return audit.Write(ctx, tx, audit.Change{Action: "range.delete", Ref: prefixRef(prefixID), Name: nameOf(p.VRF, p.Prefix), Before: have[i]})
}

// maxTaken bounds how many addresses of one prefix are looked through for a free
// one.
const maxTaken = 1 << 17

// Free is a stretch of addresses that nobody has.
type Free struct {
	First string `json:"first"`
	Last  string `json:"last"`
	// Count is written as text: it can be larger than a number in JSON holds.
	Count string `json:"count" doc:"How many addresses, in digits."`
}

// freeSpans gives the stretches of a prefix that are neither taken, nor in a
// range, a smaller prefix, or the gateway.
func (s *Service) freeSpans(ctx context.Context, q bun.IDB, p *prefixRow) ([]span, error) {
	_, taken, err := rangesOf(ctx, q, p.ID)
	if err != nil {
		return nil, err
	}
	var inner []struct{ First, Last string }
	if err := q.NewRaw("SELECT first, last FROM address_prefixes WHERE vrf = ? AND first >= ? AND last <= ? AND length > ? AND depth = ? ORDER BY first", p.VRF, p.First, p.Last, p.Length, p.Depth+1).Scan(ctx, &inner); err != nil {
		return nil, err
	}
	for _, i := range inner {
		taken = append(taken, span{fromKey(i.First), fromKey(i.Last)})
	}
	if p.Gateway != "" {
		if g, err := netip.ParseAddr(p.Gateway); err == nil {
			taken = append(taken, span{g, g})
		}
	}
	var keys []string
	if err := q.NewRaw("SELECT key FROM addresses WHERE vrf = ? AND key >= ? AND key <= ? ORDER BY key LIMIT ?", p.VRF, p.First, p.Last, maxTaken+1).Scan(ctx, &keys); err != nil {
		return nil, err
	}
	if len(keys) > maxTaken {
		return nil, errs.New(errs.TooMany, "%s has more than %d addresses. Ask for a free one in a smaller prefix inside it.", p.Prefix, maxTaken)
	}
	return free(p.net(), merge(append(taken, runs(keys)...))), nil
}

// runs joins neighbors in a sorted list of keys.
func runs(keys []string) []span {
	var out []span
	for _, k := range keys {
		a := fromKey(k)
		if n := len(out); n > 0 && out[n-1].last.Next() == a {
			out[n-1].last = a
			continue
		}
		out = append(out, span{a, a})
	}
	return out
}

// merge sorts stretches and joins those that touch.
func merge(in []span) []span {
	slices.SortFunc(in, func(a, b span) int { return a.first.Compare(b.first) })
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && (!out[n-1].last.Less(s.first) || out[n-1].last.Next() == s.first) {
			if out[n-1].last.Less(s.last) {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// allocate takes the next free address of a prefix.
func (s *Service) allocate(ctx context.Context, tx *db.Tx, prefixID string, f Fields) (*addrRow, error) {
	p, err := prefixByID(ctx, tx, prefixID)
	if err != nil {
		return nil, err
	}
	// Two at once must not get the same one: on PostgreSQL they queue at the row of
	// the prefix, on SQLite there is one writer.
	if _, err := tx.NewRaw("UPDATE address_prefixes SET version = version + 1 WHERE id = ?", p.ID).Exec(ctx); err != nil {
		return nil, err
	}
	if p.Status == container {
		return nil, errs.New(errs.Conflict, "%s is a container; take an address of a prefix inside it.", p.Prefix)
	}
	spans, err := s.freeSpans(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	if len(spans) == 0 {
		return nil, errs.New(errs.Conflict, "%s has no free address.", nameOf(p.VRF, p.Prefix))
	}
	return s.addAddress(ctx, tx, p.VRF, spans[0].first, manual, f)
}

// freePrefixes gives the first n networks of a length that are free inside p.
func (s *Service) freePrefixes(ctx context.Context, q bun.IDB, p *prefixRow, length, n int) ([]string, error) {
	net := p.net()
	if length <= p.Length || length > net.Addr().BitLen() {
		return nil, errs.Fields(errs.Field{Path: "length", Message: "must be longer than that of " + p.Prefix})
	}
	var texts []string
	if err := q.NewRaw("SELECT prefix FROM address_prefixes WHERE vrf = ? AND first >= ? AND last <= ? AND length > ? AND depth = ? ORDER BY first LIMIT 20000", p.VRF, p.First, p.Last, p.Length, p.Depth+1).Scan(ctx, &texts); err != nil {
		return nil, err
	}
	taken := make([]netip.Prefix, 0, len(texts))
	for _, t := range texts {
		taken = append(taken, netip.MustParsePrefix(t))
	}
	out := []string{}
	for _, f := range nextPrefixes(net, taken, length, n) {
		out = append(out, f.String())
	}
	return out, nil
}

// like writes a text for LIKE with the escape character \.
func like(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(s)) + "%"
}

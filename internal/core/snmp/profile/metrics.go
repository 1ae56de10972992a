package profile

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// metrics notes where the further values for graphs are; nothing is read of them
// when points are not wanted.
func (r *reader) metrics(ctx context.Context) error {
	if r.points == nil {
		return nil
	}
	own := map[string]bool{}
	for _, p := range *r.points {
		switch {
		case p.Metric == "snmp_processor_percent":
			own["processors"] = true
		case strings.HasPrefix(p.Metric, "snmp_memory_"):
			own["memories"] = true
		}
	}
	for _, def := range r.p.Metrics {
		if own[def.Unless] {
			continue
		}
		rows, err := r.rows(ctx, def.Value, def.Rows)
		if err != nil {
			return err
		}
		for _, w := range rows {
			if _, ok := number(w.v, def.Pattern); !ok {
				continue
			}
			p := Point{Metric: def.Name, Type: def.Type, Op: Value, OIDs: []snmp.OID{at(def.Value, w.index)},
				Factor: def.factor(w, def.Factor, def.Precision), Pattern: def.Pattern.text()}
			for k, text := range def.Labels {
				if v := w.expand(text); v != "" {
					if p.Labels == nil {
						p.Labels = map[string]string{}
					}
					p.Labels[k] = v
				}
			}
			r.point(p)
		}
	}
	return nil
}

func (r *reader) neighbors(ctx context.Context) error {
	key := func(n device.Neighbor) string {
		return strconv.FormatInt(n.LocalIfIndex, 10) + "|" + strings.ToLower(n.RemoteName)
	}
	seen := map[string]bool{}
	for _, n := range r.dev.Neighbors {
		seen[key(n)] = true
	}
	for _, def := range r.p.Neighbors {
		rows, err := r.rows(ctx, def.Each, def.Rows)
		if err != nil {
			return err
		}
		for _, w := range rows {
			n := device.Neighbor{
				Protocol: def.Protocol, RemoteName: w.expand(def.RemoteName), RemotePort: w.expand(def.RemotePort),
				RemoteMAC:     snmp.Var{Kind: snmp.OctetString, Raw: []byte(w.expand(def.RemoteMAC))}.MAC(),
				RemoteAddress: w.expand(def.RemoteAddress), RemoteDescr: w.expand(def.RemoteDescr),
			}
			n.LocalIfIndex, _ = strconv.ParseInt(w.expand(def.LocalIfIndex), 10, 64)
			if a, err := netip.ParseAddr(n.RemoteAddress); err != nil || a.IsUnspecified() {
				n.RemoteAddress = ""
			}
			if n.RemoteName == "" && n.RemoteMAC == "" || seen[key(n)] {
				continue
			}
			seen[key(n)] = true
			r.dev.Neighbors = append(r.dev.Neighbors, n)
		}
	}
	return nil
}

package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

const maxText = 500

// inventory writes what the host is and has. A list that was not looked at stays as
// it is.
func (s *Service) inventory(ctx context.Context, tx *db.Tx, a *agentRow, in *agentwire.Inventory) error {
	at := in.At.UTC()
	if in.At.IsZero() || at.After(tx.Now()) {
		at = tx.Now()
	}
	// What is older than what we know would turn it back.
	var newer int
	if err := tx.NewRaw("SELECT COUNT(*) FROM agent_snapshots WHERE agent_id = ? AND kind <> 'process' AND at > ?", a.ID, at).Scan(ctx, &newer); err != nil || newer > 0 {
		return err
	}
	host, err := s.host(ctx, tx, a, in)
	if err != nil {
		return err
	}
	for _, f := range factsOf(in) {
		gone, err := setFacts(ctx, tx, a.ID, f.kind, f.facts, at)
		if err != nil {
			return err
		}
		if f.kind == kindPort {
			if err := s.ports(ctx, tx, a, host, in, gone, at); err != nil {
				return err
			}
		}
	}
	return s.connect(ctx, tx, a, in, at)
}

// host puts what changes rarely on the item.
func (s *Service) host(ctx context.Context, tx *db.Tx, a *agentRow, in *agentwire.Inventory) (estate.Item, error) {
	item := estate.NewItem{Name: a.Name, Kind: a.Kind, Source: sourceName, Attributes: map[string]any{}}
	more := map[string][]string{}
	if h := in.Host; h != nil {
		put := func(k, v string) {
			if v = clean(v, maxText); v != "" {
				item.Attributes[k] = v
			}
		}
		put("os", h.OS)
		put("kernel", h.Kernel)
		put("architecture", h.Architecture)
		put("cpu_model", h.CPUModel)
		put("virtualization", h.Virtualization)
		put("vendor", h.Vendor)
		put("model", h.Model)
		put("serial", h.Serial)
		put("fqdn", h.FQDN)
		put("machine_id", h.MachineID)
		if h.CPUs > 0 {
			item.Attributes["cpus"] = h.CPUs
		}
		if h.MemoryBytes > 0 {
			item.Attributes["memory_bytes"] = h.MemoryBytes
		}
		if !h.BootedAt.IsZero() {
			item.Attributes["booted_at"] = h.BootedAt.UTC().Format(time.RFC3339)
		}
		more[estate.BySystemUUID] = []string{clean(h.SystemUUID, 100)}
		more[estate.BySerial] = []string{clean(h.Serial, 100)}
		more[estate.ByFQDN] = []string{clean(h.FQDN, 253)}
	}
	if in.Interfaces != nil {
		nets := []any{}
		for _, i := range in.Interfaces {
			if len(nets) < 200 && !i.Loopback {
				nets = append(nets, map[string]any{"name": clean(i.Name, 100), "addresses": cleanAll(i.Addresses)})
			}
			// Of virtual interfaces those count whose address was not made up by the host.
			if i.MAC != "" && (!i.Virtual || !localMAC(i.MAC)) && !i.Loopback && len(more[estate.ByMAC]) < 64 {
				more[estate.ByMAC] = append(more[estate.ByMAC], clean(i.MAC, 50))
			}
		}
		item.Attributes["network"] = nets
	}
	item.Identity = s.identity(ctx, tx, a, more)
	return s.places.Observed(ctx, tx, item)
}

// localMAC tells that an address was not given by a maker (bit 2 of the first byte,
// IEEE 802).
func localMAC(mac string) bool {
	m, err := net.ParseMAC(mac)
	return err != nil || m[0]&2 != 0
}

func cleanAll(in []string) []string {
	out := make([]string, 0, min(len(in), 100))
	for _, v := range in[:min(len(in), 100)] {
		out = append(out, clean(v, 200))
	}
	return out
}

type listOf struct {
	kind  string
	facts []fact
}

// factsOf turns the lists that were looked at into facts.
func factsOf(in *agentwire.Inventory) []listOf {
	var out []listOf
	if in.Packages != nil {
		out = append(out, listOf{kindPackage, each(in.Packages, func(p agentwire.Package) fact {
			return fact{Key: p.Name + " " + p.Arch, Name: p.Name, Version: p.Version, Detail: map[string]string{"arch": clean(p.Arch, 50), "manager": clean(p.Manager, 50)}}
		})})
	}
	if in.Services != nil {
		out = append(out, listOf{kindService, each(in.Services, func(v agentwire.Service) fact {
			return fact{Key: v.Name, Name: v.Name, Version: v.State, Detail: map[string]any{"title": clean(v.Title, maxText), "enabled": v.Enabled}}
		})})
	}
	if in.Users != nil {
		out = append(out, listOf{kindUser, each(in.Users, func(u agentwire.User) fact {
			return fact{Key: u.Name, Name: u.Name, Detail: map[string]any{"id": clean(u.ID, 50), "home": clean(u.Home, maxText), "shell": clean(u.Shell, maxText), "admin": u.Admin}}
		})})
	}
	if in.Disks != nil {
		out = append(out, listOf{kindDisk, each(in.Disks, func(d agentwire.Disk) fact {
			return fact{Key: d.Name + " " + d.Mount, Name: d.Name, Version: d.Health, Detail: map[string]any{"mount": clean(d.Mount, maxText), "type": clean(d.Type, 50), "size_bytes": d.SizeBytes, "model": clean(d.Model, 200), "serial": clean(d.Serial, 200)}}
		})})
	}
	if in.Containers != nil {
		out = append(out, listOf{kindContainer, each(in.Containers, func(c agentwire.Container) fact {
			return fact{Key: c.ID, Name: c.Name, Version: c.Image, Detail: map[string]any{"state": clean(c.State, 50)}}
		})})
	}
	if in.Databases != nil {
		out = append(out, listOf{kindDatabase, each(in.Databases, func(d agentwire.Database) fact {
			detail := map[string]any{"engine": clean(d.Engine, 50), "port": d.Port, "size_bytes": d.SizeBytes, "replication": clean(d.Replication, maxText)}
			if !d.LastBackup.IsZero() {
				detail["last_backup"] = d.LastBackup.UTC()
			}
			return fact{Key: fmt.Sprintf("%s %s %d", d.Engine, d.Name, d.Port), Name: d.Name, Version: d.Version, Detail: detail}
		})})
	}
	if in.Ports != nil {
		out = append(out, listOf{kindPort, each(in.Ports, func(p agentwire.Port) fact {
			return fact{Key: fmt.Sprintf("%s/%d", p.Protocol, p.Port), Name: program(p.Process), Detail: map[string]any{"protocol": clean(p.Protocol, 10), "port": p.Port, "addresses": cleanAll(p.Addresses), "user": clean(p.User, 100), "command": clean(p.Command, maxText)}}
		})})
	}
	return out
}

func each[T any](in []T, f func(T) fact) []fact {
	out := make([]fact, 0, len(in))
	for _, v := range in {
		x := f(v)
		x.Key, x.Name, x.Version = clean(x.Key, maxText), clean(x.Name, maxText), clean(x.Version, maxText)
		if x.Name != "" {
			out = append(out, x)
		}
	}
	return out
}

var oddInNames = regexp.MustCompile(`[^A-Za-z0-9 ._+-]+`)

// program makes a process name fit for the name of an item.
func program(s string) string {
	s = strings.Trim(oddInNames.ReplaceAllString(clean(s, 60), "_"), "_ .-+")
	if s == "" {
		return "unknown"
	}
	return s
}

// maxServiceItems bounds the items of one host.
const maxServiceItems = 200

// ports puts what listens on the map, as discovery does for the server's own machine,
// and proposes a check for what others can reach.
func (s *Service) ports(ctx context.Context, tx *db.Tx, a *agentRow, host estate.Item, in *agentwire.Inventory, gone []factRow, at time.Time) error {
	for n, p := range in.Ports {
		if n == maxServiceItems {
			break
		}
		if p.Port < 1 || p.Port > 65535 || p.Protocol != "tcp" && p.Protocol != "udp" {
			continue
		}
		it, err := s.places.Observed(ctx, tx, estate.NewItem{
			Name: portName(p.Process, host.Name, p.Protocol, p.Port), Title: fmt.Sprintf("%s on port %d", program(p.Process), p.Port), Kind: kindOfPort(p), Source: sourceName, RunsOn: host.Name,
			Attributes: map[string]any{"process": program(p.Process), "protocol": p.Protocol, "port": p.Port, "addresses": cleanAll(p.Addresses), "user": clean(p.User, 100), "command": clean(p.Command, maxText), "not_listening_since": nil},
		})
		if err != nil {
			return err
		}
		addr := reachable(p, in, a)
		if s.proposals == nil || addr == "" || p.Protocol != "tcp" {
			continue
		}
		if err := s.proposals.Propose(ctx, tx, it, []estate.Proposal{{Name: it.Name, Type: "tcp", Probe: map[string]any{"address": addr}, Every: 30 * time.Second, Reason: "The agent sees that it takes connections."}}); err != nil {
			return err
		}
	}
	return s.notListening(ctx, tx, host, gone, at)
}

// notListening marks the items of ports on which nothing waits any more.
func (s *Service) notListening(ctx context.Context, tx *db.Tx, host estate.Item, gone []factRow, at time.Time) error {
	for _, g := range gone {
		proto, port, _ := strings.Cut(g.FactKey, "/")
		n, err := strconv.Atoi(port)
		if err != nil {
			continue
		}
		name := portName(g.Name, host.Name, proto, n)
		if _, err := s.items.ByName(ctx, tx, name); errs.Is(err, errs.NotFound) {
			continue
		}
		if _, err := s.places.Observed(ctx, tx, estate.NewItem{Name: name, Source: sourceName, Attributes: map[string]any{"not_listening_since": at.Format(time.RFC3339)}}); err != nil {
			return err
		}
	}
	return nil
}

func portName(process, host, protocol string, port int) string {
	n := fmt.Sprintf("%s@%s:%d", program(process), host, port)
	if protocol == "udp" {
		n += "/udp"
	}
	return n
}

func kindOfPort(p agentwire.Port) string {
	switch program(p.Process) {
	case "postgres", "mysqld", "mariadbd", "redis-server", "mongod":
		return "database"
	}
	return "application"
}

// reachable is the address at which the server reaches a port; empty when only the
// host itself does.
func reachable(p agentwire.Port, in *agentwire.Inventory, a *agentRow) string {
	for _, addr := range p.Addresses {
		ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
		switch {
		case addr == "*", err == nil && ip.IsUnspecified():
			return net.JoinHostPort(a.Address, strconv.Itoa(p.Port))
		case err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast():
			return net.JoinHostPort(ip.String(), strconv.Itoa(p.Port))
		case err == nil && ip.IsLoopback() && isLoopback(a.Address):
			return net.JoinHostPort(ip.String(), strconv.Itoa(p.Port))
		}
	}
	return ""
}

func isLoopback(addr string) bool {
	ip, err := netip.ParseAddr(addr)
	return err == nil && ip.IsLoopback()
}

// connect reports interfaces and connections.
func (s *Service) connect(ctx context.Context, tx *db.Tx, a *agentRow, in *agentwire.Inventory, at time.Time) error {
	if s.network == nil || in.Interfaces == nil && in.Connections == nil {
		return nil
	}
	v := estate.NetworkView{ItemID: a.ItemID, Source: sourceName, At: at}
	if in.Interfaces != nil {
		v.Interfaces, v.Addresses = []estate.Interface{}, []estate.Address{}
		for _, i := range in.Interfaces {
			v.Interfaces = append(v.Interfaces, estate.Interface{Index: i.Index, Name: clean(i.Name, 200), MAC: clean(i.MAC, 50), MTU: i.MTU, SpeedBPS: i.SpeedBPS, AdminUp: i.Up, OperUp: i.Up, Loopback: i.Loopback, Virtual: i.Virtual})
			for _, c := range i.Addresses {
				if p, err := netip.ParsePrefix(c); err == nil {
					v.Addresses = append(v.Addresses, estate.Address{Address: p.Addr().String(), PrefixLength: p.Bits(), IfIndex: i.Index})
				}
			}
		}
	}
	if in.Connections != nil {
		v.Neighbors = []estate.Neighbor{}
		for _, c := range in.Connections {
			if ip, err := netip.ParseAddr(c.RemoteAddress); err == nil && !ip.IsLoopback() && c.RemotePort > 0 && c.RemotePort < 65536 {
				v.Neighbors = append(v.Neighbors, estate.Neighbor{Evidence: estate.EvidenceConnection, RemoteAddress: ip.Unmap().String(), Port: c.RemotePort, Process: program(c.Process)})
			}
		}
	}
	return s.network.Report(ctx, tx, v)
}

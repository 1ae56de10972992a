package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Propose implements estate.Proposals. A proposal that was accepted or dismissed
// stays so; one without a type is left out.
func (s *Service) Propose(ctx context.Context, tx *db.Tx, it estate.Item, ps []estate.Proposal) error {
	for _, p := range ps {
		if p.Type == "" {
			continue
		}
		probe, err := json.Marshal(p.Probe)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw(`INSERT INTO discovery_suggestions (id, item_id, item, name, type, probe, every_ms, reason, place, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)
ON CONFLICT (name) DO UPDATE SET item_id = excluded.item_id, item = excluded.item, type = excluded.type, probe = excluded.probe, every_ms = excluded.every_ms, reason = excluded.reason, place = excluded.place, updated_at = excluded.updated_at WHERE discovery_suggestions.state = 'open'`,
			id.New(), it.ID, it.Name, p.Name, p.Type, string(probe), p.Every.Milliseconds(), p.Reason, p.From, tx.Now(), tx.Now()).Exec(ctx); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "host", Kind: "suggestions", ID: it.Name}) })
	return nil
}

// from says which edge the checks are to run on.
func from(place string, ps []estate.Proposal) []estate.Proposal {
	for i := range ps {
		ps[i].From = place
	}
	return ps
}

func spec(p estate.Proposal, item string) observe.CheckSpec {
	return observe.CheckSpec{Name: p.Name, Item: item, Every: observe.Duration(p.Every), Type: p.Type, Probe: p.Probe, From: p.From}
}

// proposeFor gives the checks that make sense for a host that a sweep found.
func proposeFor(item string, h *sweep.Host) []estate.Proposal {
	addr := h.Address.String()
	out := []estate.Proposal{}
	if h.SeenBy == "icmp" {
		out = append(out, estate.Proposal{Name: item + " ping", Type: "icmp", Probe: map[string]any{"host": addr}, Every: time.Minute, Reason: "It answers a ping."})
	}
	for _, sv := range h.Services {
		at := net.JoinHostPort(addr, strconv.Itoa(sv.Port))
		p := estate.Proposal{Name: fmt.Sprintf("%s port %d", item, sv.Port), Every: time.Minute}
		switch sv.Speaks {
		case "http", "https":
			p.Type, p.Probe, p.Reason = "http", map[string]any{"url": sv.Speaks + "://" + at + "/", "follow_redirects": false, "status": accepted}, "It answers HTTP."
			if sv.Speaks == "https" {
				p.Probe["tls_skip_verify"], p.Reason = true, "It answers HTTPS."
			}
		case "ssh", "smtp", "ftp", "imap", "pop3":
			p.Type, p.Probe, p.Reason = sv.Speaks, map[string]any{"address": at}, "It speaks "+sv.Speaks+"."
		default:
			p.Type, p.Probe, p.Reason = "tcp", map[string]any{"address": at}, "It takes connections."
		}
		out = append(out, p)
		if sv.Cert != nil {
			out = append(out, estate.Proposal{Name: p.Name + " certificate", Type: "tls", Every: time.Hour, Reason: "It shows a certificate that expires.", Probe: map[string]any{"address": at, "tls_skip_verify": true}})
		}
	}
	return out
}

// proposals gives the checks for an address of which only the facts are known.
func (f facts) proposals(item, address string) []estate.Proposal {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	h := &sweep.Host{Address: ip, SeenBy: "icmp"}
	for _, p := range f.ports() {
		n, err := strconv.Atoi(p)
		if err != nil {
			continue
		}
		sv := sweep.Service{Port: n}
		if word, _, _ := strings.Cut(f[portField+p], " "); word != "open" {
			sv.Speaks = word
		}
		if f[certField+p] != "" {
			sv.Cert = &sweep.Certificate{}
		}
		h.Services = append(h.Services, sv)
	}
	return proposeFor(item, h)
}

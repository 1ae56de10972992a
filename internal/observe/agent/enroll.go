package agent

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// sourceName is the provenance of what agents say.
const sourceName = "agent"

// hostOf takes the port off an address.
func hostOf(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// itemName makes a name for an item of a host name.
func itemName(hostname string) string {
	n := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(hostname), "-"), "-._")
	n = n[:min(len(n), 150)]
	if n == "" {
		return "host"
	}
	return n
}

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// Enroll takes one use of a token, makes the agent and its item, and signs its
// certificate. Whoever asks has no session; the token is the right to do it.
func (s *Service) Enroll(ctx context.Context, in agentwire.EnrollRequest, address string) (agentwire.EnrollResponse, error) {
	var out agentwire.EnrollResponse
	if w := s.throttle.wait(address, s.now()); w > 0 {
		return out, errs.New(errs.TooMany, "Too many enrolments from %s were refused. Try again in %s.", address, w.Round(time.Second))
	}
	end := s.end.url()
	if end == "" {
		return out, errs.New(errs.Unavailable, "The port for agents is closed on this server (agents.listen), so nothing can enroll.")
	}
	err := s.d.DB.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		// The token goes first: who has none learns nothing else. A mistake below gives
		// its use back.
		tok, err := spend(ctx, tx, in.Token)
		if err != nil {
			return err
		}
		if tok.Kind == observe.TokenForEdges {
			return errs.New(errs.Unauthorized, "This enrolment token is for an edge. Use it with: mainstay edge enroll")
		}
		if strings.TrimSpace(in.Hostname) == "" {
			return errs.Fields(errs.Field{Path: "hostname", Message: "is missing"})
		}
		r := &agentRow{
			ID: id.New(), Kind: tok.Kind, TeamID: tok.TeamID, Labels: tok.Labels, MachineID: clip(in.MachineID, 100), Hostname: clip(in.Hostname, 200), OS: clip(in.OS, 50), Arch: clip(in.Arch, 50),
			Version: clip(in.Version, 50), Address: address, TokenID: tok.ID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		}
		cert, serial, notAfter, err := s.ca.signAgent(in.CSR, r.ID, tx.Now())
		if err != nil {
			return err
		}
		r.Serial, r.NotAfter = serial, notAfter
		if err := s.settle(ctx, tx, r); err != nil {
			return err
		}
		if err := s.enter(ctx, tx, r); err != nil {
			return err
		}
		out = agentwire.EnrollResponse{AgentID: r.ID, Item: r.Name, Certificate: cert, CA: s.ca.bundle(), URL: end, Settings: s.settings()}
		return nil
	})
	if errs.Is(err, errs.Unauthorized) {
		s.throttle.refused(address, s.now())
	}
	return out, err
}

// settle finds the name for the agent's item. An agent that is silent or revoked and
// stood for the same machine makes room; one that lives stays apart.
func (s *Service) settle(ctx context.Context, tx *db.Tx, r *agentRow) error {
	base := itemName(r.Hostname)
	var old []agentRow
	if err := tx.NewSelect().Model(&old).Where("name = ? OR machine_id = ? AND machine_id <> ''", base, r.MachineID).OrderExpr("created_at").Scan(ctx); err != nil {
		return err
	}
	r.Name = base
	for i := range old {
		o := &old[i]
		st := o.state(tx.Now())
		gone := st == StateRevoked || st == StateOffline || st == StateWaiting
		if gone && (o.MachineID == r.MachineID && r.MachineID != "" && o.Hostname == r.Hostname) {
			// The same machine enrolls again: it takes over the item.
			r.Name = o.Name
			if err := s.remove(ctx, tx, o); err != nil {
				return err
			}
			if err := audit.Write(ctx, tx, audit.Change{Action: "agent.replace", Ref: ref(o.ID), Name: o.Name, Before: map[string]string{"agent": o.ID}, After: map[string]string{"agent": r.ID}}); err != nil {
				return err
			}
			return nil
		}
	}
	for n := 2; ; n++ {
		var taken int
		if err := tx.NewRaw("SELECT COUNT(*) FROM agents WHERE name = ?", r.Name).Scan(ctx, &taken); err != nil {
			return err
		}
		if taken == 0 {
			return nil
		}
		r.Name = fmt.Sprintf("%s-%d", base, n)
	}
}

// enter writes the new agent, its item and the check that tells when it is silent.
func (s *Service) enter(ctx context.Context, tx *db.Tx, r *agentRow) error {
	it, err := s.place(ctx, tx, r, s.identity(ctx, tx, r, nil))
	if err != nil {
		return err
	}
	if it.Name != r.Name {
		// It is known by another name already. An item has one agent.
		var taken int
		if err := tx.NewRaw("SELECT COUNT(*) FROM agents WHERE item_id = ? OR name = ?", it.ID, it.Name).Scan(ctx, &taken); err != nil {
			return err
		}
		if taken > 0 {
			if it, err = s.place(ctx, tx, r, nil); err != nil {
				return err
			}
		}
	}
	r.ItemID, r.Name, r.CheckName = it.ID, it.Name, it.Name+" agent"
	if it.OwnerTeamID != "" {
		r.TeamID = it.OwnerTeamID
	}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return err
	}
	if err := s.makes.EnsureCheck(ctx, tx, observe.CheckSpec{Name: r.CheckName, Item: it.Name, Type: "passive", Probe: map[string]any{}, Every: observe.Duration(time.Minute), Freshness: observe.Duration(lateAfter), Attempts: 1}); err != nil {
		return err
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: EntityKind, RefID: r.ID, Name: r.Name, Title: "Agent on " + r.Name, Body: r.Hostname + " " + r.Address + " " + r.MachineID, URL: agentURL(r.Name), TeamID: r.TeamID}); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.changed(r.Name) })
	return audit.Write(ctx, tx, audit.Change{Action: "agent.enroll", Ref: ref(r.ID), Name: r.Name, After: map[string]string{"hostname": r.Hostname, "machine_id": r.MachineID, "address": r.Address, "token": r.TokenID}})
}

// place puts the host on the map, so that it is seen before it has sent anything.
func (s *Service) place(ctx context.Context, tx *db.Tx, r *agentRow, identity map[string][]string) (estate.Item, error) {
	attrs := map[string]any{"hostname": r.Hostname, "agent_version": r.Version}
	if ls := labels(r.Labels); len(ls) > 0 {
		attrs["labels"] = ls
	}
	return s.places.Observed(ctx, tx, estate.NewItem{Name: r.Name, Title: r.Hostname, Kind: r.Kind, Source: sourceName, OwnerTeamID: r.TeamID, Attributes: attrs, Identity: identity})
}

// identity is what recognizes the host. A machine id that two agents show identifies
// neither.
func (s *Service) identity(ctx context.Context, tx *db.Tx, r *agentRow, more map[string][]string) map[string][]string {
	out := map[string][]string{}
	for k, v := range more {
		if len(v) > 0 && v[0] != "" {
			out[k] = v
		}
	}
	if r.MachineID != "" {
		out[estate.ByMachineID] = []string{r.MachineID}
		if tw, err := twins(ctx, tx, []agentRow{*r}); err != nil || len(tw[r.ID]) > 0 {
			// A clone has the ids of its original, also those of its virtual hardware.
			delete(out, estate.ByMachineID)
			delete(out, estate.BySystemUUID)
			delete(out, estate.BySerial)
		}
	}
	return out
}

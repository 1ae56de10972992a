package edge

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// sourceName is the provenance of what edges say of their host.
const sourceName = "edge"

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// plain makes a name of a host name.
func plain(hostname string) string {
	n := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(hostname), "-"), "-._")
	return n[:min(len(n), 100)]
}

func clip(s string, n int) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), n)], "\x00", ""), "")
}

// nameFor is the name that the edge asks for, else that of its host.
func nameFor(in agentwire.EnrollRequest) (string, error) {
	n := in.Name
	if n == "" {
		n = plain(in.Hostname)
	}
	if n == "" {
		return "", errs.New(errs.Invalid, "The machine has no name. Give the edge one with --name.")
	}
	// The one who asks sees the sentence only, no fields.
	if err := account.CheckName("name", n); err != nil {
		why := ""
		if fs := errs.FieldsOf(err); len(fs) > 0 {
			why = " It " + fs[0].Message + "."
		}
		return "", errs.New(errs.Invalid, "The name %q cannot be that of an edge.%s Choose another with --name.", n, why)
	}
	if slices.Contains([]string{observe.FromAny, observe.FromAll, observe.FromServer, observe.FromAgent}, n) {
		return "", errs.New(errs.Invalid, "An edge cannot be called %s: that has a meaning of its own in from. Choose another name with --name.", n)
	}
	return n, nil
}

// Enroll takes one use of a token, makes the edge with its item and its check, and signs
// its certificate. Whoever asks has no session; the token is the right to do it.
func (s *Service) Enroll(ctx context.Context, in agentwire.EnrollRequest, address string) (agentwire.EnrollResponse, error) {
	var out agentwire.EnrollResponse
	if s.hub.addr == "" {
		return out, errs.New(errs.Unavailable, "The port for edges is closed on this server (edges.listen), so no edge can enroll.")
	}
	if err := s.hub.open(); err != nil {
		return out, err
	}
	name := ""
	err := s.d.DB.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		// The token goes first: who has none learns nothing else. A mistake below gives
		// its use back.
		tok, err := s.trust.SpendToken(ctx, tx, in.Token, observe.TokenForEdges, address)
		if err != nil {
			return err
		}
		if name, err = nameFor(in); err != nil {
			return err
		}
		ls, err := marshal(tok.Labels)
		if err != nil {
			return err
		}
		r := &edgeRow{
			ID: id.New(), Name: name, CheckName: name + " edge", TeamID: tok.TeamID, Labels: ls, MachineID: clip(in.MachineID, 100), Hostname: clip(in.Hostname, 200), OS: clip(in.OS, 50), Arch: clip(in.Arch, 50),
			Version: clip(in.Version, 50), Address: address, TokenID: tok.ID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Receive: "{}",
		}
		if err := s.replace(ctx, tx, r); err != nil {
			return err
		}
		cert, serial, notAfter, err := s.trust.SignClient(in.CSR, r.ID, tx.Now())
		if err != nil {
			return err
		}
		r.Serial, r.NotAfter = serial, notAfter
		if err := s.enter(ctx, tx, r); err != nil {
			return err
		}
		out = agentwire.EnrollResponse{AgentID: r.ID, Item: r.Name, Certificate: cert, CA: s.trust.Authorities(), URL: s.hub.url()}
		return nil
	})
	if err != nil {
		return agentwire.EnrollResponse{}, err
	}
	s.changed(name)
	return out, s.refreshPlaces(ctx)
}

// replace lets a new edge take the name of one that is gone, so that checks which name
// it go on. One that lives keeps its name.
func (s *Service) replace(ctx context.Context, tx *db.Tx, r *edgeRow) error {
	old, err := byName(ctx, tx, r.Name)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Receive = old.Receive
	_, behind := s.session(old.ID).said()
	switch st := old.state(tx.Now(), behind); st {
	case StateUp, StateCatching, StateLate:
		return errs.New(errs.Conflict, "There is an edge named %s, and it delivers. Choose another name with --name, or stop and revoke that one first.", r.Name)
	}
	if err := s.remove(ctx, tx, old); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.hub.drop(old.ID)
		s.forget(old.ID)
	})
	return audit.Write(ctx, tx, audit.Change{Action: "edge.replace", Ref: ref(old.ID), Name: old.Name, Before: map[string]string{"edge": old.ID}, After: map[string]string{"edge": r.ID}})
}

// enter writes the new edge, the item of its host and the check of its silence.
func (s *Service) enter(ctx context.Context, tx *db.Tx, r *edgeRow) error {
	host := plain(r.Hostname)
	if host == "" {
		host = r.Name
	}
	ident := map[string][]string{}
	if r.MachineID != "" {
		ident[estate.ByMachineID] = []string{r.MachineID}
	}
	attrs := map[string]any{"hostname": r.Hostname, "edge": r.Name}
	it, err := s.sites.Observed(ctx, tx, estate.NewItem{Name: host, Title: r.Hostname, Kind: "host", Source: sourceName, OwnerTeamID: r.TeamID, Attributes: attrs, Identity: ident})
	if err != nil {
		return err
	}
	r.ItemID = it.ID
	if it.OwnerTeamID != "" {
		r.TeamID = it.OwnerTeamID
	}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return err
	}
	if err := s.makes.EnsureCheck(ctx, tx, observe.CheckSpec{Name: r.CheckName, Item: it.Name, Type: "passive", Probe: map[string]any{}, Every: observe.Duration(time.Minute), Freshness: observe.Duration(lateAfter), Attempts: 1}); err != nil {
		return err
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: EntityKind, RefID: r.ID, Name: r.Name, Title: "Edge " + r.Name, Body: r.Hostname + " " + r.Address, URL: edgeURL(r.Name), TeamID: r.TeamID}); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "edge.enroll", Ref: ref(r.ID), Name: r.Name, After: map[string]string{"hostname": r.Hostname, "machine_id": r.MachineID, "address": r.Address, "token": r.TokenID}})
}

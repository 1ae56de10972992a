package agent

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

var ownPlatform = runtime.GOOS + "-" + runtime.GOARCH

// maxPerMinute bounds the batches of one agent: one that was away for a day has some
// 8,600 to deliver, and does so in a quarter of an hour.
const maxPerMinute = 600

// maxBusy bounds the batches that are decoded at once, and so the memory for them.
const maxBusy = 8

// agentHandler is what the agents' port serves.
func (s *Service) agentHandler() http.Handler {
	mux := http.NewServeMux()
	slots := make(chan struct{}, maxBusy)
	handle := func(path string, h func(ctx context.Context, r *http.Request, w http.ResponseWriter, a *agentRow) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			ctx := access.AsSystem(r.Context())
			a, err := s.known(ctx, r)
			if err != nil {
				httpapi.WriteProblem(w, err)
				return
			}
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				return
			}
			out, err := h(ctx, r, w, a)
			if err != nil {
				if errs.CodeOf(err) == errs.Internal && !errors.Is(err, context.Canceled) {
					s.d.Logger.Error("an agent's request failed", "agent", a.Name, "path", path, "error", err)
				}
				httpapi.WriteProblem(w, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	handle(agentwire.BatchPath, func(ctx context.Context, r *http.Request, w http.ResponseWriter, a *agentRow) (any, error) {
		x := s.session(a.ID)
		if !x.allow(s.now()) {
			w.Header().Set("Retry-After", "5")
			return nil, errs.New(errs.TooMany, "More than %d batches in a minute. Send the rest more slowly.", maxPerMinute)
		}
		b, err := readBatch(r)
		if err != nil {
			return nil, err
		}
		return s.Take(ctx, a, b, hostOf(r.RemoteAddr))
	})
	mux.HandleFunc("GET "+agentwire.ProgramPath+"{platform}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.known(access.AsSystem(r.Context()), r); err != nil {
			httpapi.WriteProblem(w, err)
			return
		}
		s.serveProgram(w, r, r.PathValue("platform"))
	})
	handle(agentwire.CertificatePath, func(ctx context.Context, r *http.Request, _ http.ResponseWriter, a *agentRow) (any, error) {
		var in agentwire.CertificateRequest
		if err := json.NewDecoder(io.LimitReader(r.Body, 2*maxRequestBytes)).Decode(&in); err != nil {
			return nil, errs.New(errs.Invalid, "The body is not a certificate request in JSON.")
		}
		return s.Renew(ctx, a, in)
	})
	return mux
}

// known tells which agent asks. The certificate says who it is, the table whether it
// still may.
func (s *Service) known(ctx context.Context, r *http.Request) (*agentRow, error) {
	c, ok := peer(r)
	if !ok {
		return nil, errs.New(errs.Unauthorized, "A certificate of an agent is needed.")
	}
	var a agentRow
	if err := s.d.DB.Reader().NewSelect().Model(&a).Where("id = ?", c.Subject.CommonName).Scan(ctx); err != nil {
		return nil, revokedInstead(db.NotFound(err, "This agent was deleted on the server. Enroll the host again."))
	}
	if a.RevokedAt != nil {
		return nil, errs.New(errs.Forbidden, "This agent was revoked on the server. Enroll the host again with a new token.")
	}
	return &a, nil
}

// revokedInstead answers for a deleted agent as for a revoked one.
func revokedInstead(err error) error {
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.Forbidden, "%s", errs.Message(err))
	}
	return err
}

// allow counts a batch and tells whether there were too many.
func (x *session) allow(now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.sent) > 0 && now.Sub(x.sent[0]) > time.Minute {
		x.sent = x.sent[1:]
	}
	if len(x.sent) >= maxPerMinute {
		return false
	}
	x.sent = append(x.sent, now)
	return true
}

// readBatch reads one batch within the limits.
func readBatch(r *http.Request) (*agentwire.Batch, error) {
	var body io.Reader = http.MaxBytesReader(nil, r.Body, agentwire.MaxWire)
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, errs.New(errs.Invalid, "The batch is not gzip.")
		}
		body = z
	case "", "identity":
	default:
		return nil, errs.New(errs.Invalid, "The batch must be gzip or plain.")
	}
	raw, err := io.ReadAll(io.LimitReader(body, agentwire.MaxBody+1))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big), len(raw) > agentwire.MaxBody:
		return nil, errs.New(errs.TooLarge, "The batch is larger than %d MiB, or %d MiB when unpacked. Send less at once.", agentwire.MaxWire>>20, agentwire.MaxBody>>20)
	case err != nil:
		return nil, errs.New(errs.Invalid, "The batch ended too early or is damaged.")
	}
	return parseBatch(raw)
}

// parseBatch decodes and bounds a batch.
func parseBatch(raw []byte) (*agentwire.Batch, error) {
	var b agentwire.Batch
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, errs.New(errs.Invalid, "The batch is not what an agent sends.")
	}
	bad := func(path, msg string) (*agentwire.Batch, error) {
		return nil, errs.Fields(errs.Field{Path: path, Message: msg})
	}
	switch {
	case b.Boot == "" || len(b.Boot) > 100:
		return bad("boot", "must have 1 to 100 characters")
	case b.Seq < 1:
		return bad("seq", "must be at least 1")
	case b.At.IsZero() || b.At.Year() < 2000 || b.At.Year() > 9000:
		return bad("at", "must be a time")
	case len(b.Series) > agentwire.MaxSeries:
		return bad("series", "are too many")
	case len(b.Points) > agentwire.MaxPoints:
		return bad("points", "are too many")
	case len(b.Checks) > agentwire.MaxChecks:
		return bad("checks", "are too many")
	case len(b.Processes) > agentwire.MaxList:
		return bad("processes", "are too many")
	}
	if path, msg := checkLines(&b); path != "" {
		return bad(path, msg)
	}
	b.State.Problems = b.State.Problems[:min(len(b.State.Problems), 50)]
	for i, p := range b.State.Problems {
		b.State.Problems[i] = clean(p, 300)
	}
	b.State.Why = clean(b.State.Why, 500)
	for _, f := range []*string{&b.State.Config, &b.State.Program, &b.State.Platform, &b.State.FailedTry} {
		*f = clean(*f, 100)
	}
	for _, p := range b.Points {
		if p.Series < 0 || p.Series >= len(b.Series) {
			return bad("points", "name a series that is not in the batch")
		}
	}
	if i := b.Inventory; i != nil {
		for name, n := range map[string]int{"packages": len(i.Packages), "services": len(i.Services), "users": len(i.Users), "disks": len(i.Disks), "containers": len(i.Containers), "ports": len(i.Ports), "databases": len(i.Databases), "interfaces": len(i.Interfaces), "connections": len(i.Connections)} {
			if n > agentwire.MaxList {
				return bad("inventory."+name, "are too many")
			}
		}
	}
	return &b, nil
}

// Renew signs a new certificate for an agent that is known by its old one.
func (s *Service) Renew(ctx context.Context, a *agentRow, in agentwire.CertificateRequest) (agentwire.CertificateResponse, error) {
	cert, serial, notAfter, err := s.ca.signAgent(in.CSR, a.ID, s.now())
	if err != nil {
		return agentwire.CertificateResponse{}, err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("UPDATE agents SET serial = ?, not_after = ?, updated_at = ? WHERE id = ?", serial, notAfter, tx.Now(), a.ID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "agent.renew", Ref: ref(a.ID), Name: a.Name, Before: map[string]string{"serial": a.Serial}, After: map[string]string{"serial": serial}})
	})
	return agentwire.CertificateResponse{Certificate: cert, CA: s.ca.bundle()}, err
}

// settings are what every agent is told.
func (s *Service) settings() agentwire.Settings {
	return agentwire.Settings{IntervalSeconds: 10, InventorySeconds: 3600}
}

// clean makes text from outside fit for a column: PostgreSQL takes no zero bytes.
func clean(v string, n int) string {
	return clip(strings.ReplaceAll(v, "\x00", ""), n)
}

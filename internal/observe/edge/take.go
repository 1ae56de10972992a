package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}

func marshal(m map[string]string) (string, error) {
	if m == nil {
		m = map[string]string{}
	}
	b, err := json.Marshal(m)
	return string(b), err
}

// known gives an edge that may speak.
func (s *Service) known(ctx context.Context, edgeID string) (*edgeRow, error) {
	var e edgeRow
	if err := s.d.DB.Reader().NewSelect().Model(&e).Where("id = ?", edgeID).Scan(ctx); err != nil {
		if errs.Is(db.NotFound(err, ""), errs.NotFound) {
			return nil, errs.New(errs.Forbidden, "This edge was deleted on the server. Enroll it again.")
		}
		return nil, err
	}
	if e.RevokedAt != nil {
		return nil, errs.New(errs.Forbidden, "This edge was revoked on the server. Enroll it again with a new token.")
	}
	return &e, nil
}

// connected notes where an edge connects from.
func (s *Service) connected(edgeID, address string) {
	s.wg.Go(func() {
		err := s.d.DB.InTx(s.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE edges SET address = ? WHERE id = ? AND address <> ?", address, edgeID, address).Exec(ctx)
			return err
		})
		if err != nil && s.ctx.Err() == nil {
			s.d.Logger.Warn("the address of an edge cannot be noted", "error", err)
		}
	})
}

// hello takes a sign of life. It comes first on each connection, so that checks know
// that old results follow.
func (s *Service) hello(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error) {
	var h edgewire.Hello
	if err := json.Unmarshal(m.Data, &h); err != nil {
		return nil, errs.New(errs.Invalid, "This is not what an edge says.")
	}
	now := s.now()
	skew := max(-centuries, min(centuries, h.SentAt.Sub(now)))
	x := s.session(e.ID)
	x.mu.Lock()
	x.hello, x.heard = h, now
	x.behind = !h.Oldest.IsZero() && h.SentAt.Sub(h.Oldest) > behindAfter
	x.mu.Unlock()
	version := clip(h.Version, 50)
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("UPDATE edges SET last_seen_at = ?, skew_ms = ?, version = ? WHERE id = ? AND revoked_at IS NULL", tx.Now(), skew.Milliseconds(), version, e.ID).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errs.New(errs.Forbidden, "This edge was revoked on the server. Enroll it again with a new token."))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.refreshPlaces(ctx); err != nil {
		return nil, err
	}
	s.alive(ctx, e, h, skew)
	_, rev, err := s.configOf(e)
	return edgewire.Welcome{At: now, Revision: rev}, err
}

// centuries bound the difference of two clocks.
const centuries = 100 * 365 * 24 * time.Hour

// alive sends the result of the edge's own check.
func (s *Service) alive(ctx context.Context, e *edgeRow, h edgewire.Hello, skew time.Duration) {
	st, text := observe.OK, fmt.Sprintf("The edge delivers. It runs %s.", checks(h.Checks))
	if h.Waiting > 0 && h.SentAt.Sub(h.Oldest) > behindAfter {
		text = fmt.Sprintf("The edge delivers what it kept since %s.", h.Oldest.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if h.Dropped > 0 {
		text += fmt.Sprintf(" %d batches of results were lost since it started: its buffer was full.", h.Dropped)
	}
	if skew.Abs() > skewWarns {
		st, text = observe.Warning, fmt.Sprintf("The clock of the edge differs by %s.", skew.Round(time.Second))
	}
	s.tell(ctx, e, st, text)
}

// batch takes results, once. They go first: taken twice they change nothing, see
// observe.PlacedChecks. The sequence number follows when everything is stored, so a
// crash on either side loses nothing and doubles nothing.
func (s *Service) batch(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error) {
	boot := m.Header.Get(edgewire.HeaderBoot)
	seq, err := strconv.ParseInt(m.Header.Get(edgewire.HeaderSeq), 10, 64)
	sent, terr := time.Parse(time.RFC3339Nano, m.Header.Get(edgewire.HeaderSent))
	if err != nil || terr != nil || seq < 1 || boot == "" || len(boot) > 100 || clip(boot, 100) != boot {
		return nil, errs.New(errs.Invalid, "The batch has no number.")
	}
	b, err := readBatch(m.Data)
	if err != nil {
		return nil, err
	}
	x := s.session(e.ID)
	if !x.busy.TryLock() {
		return nil, errs.New(errs.TooMany, "Another batch of this edge is being taken. Send one after the other.")
	}
	defer x.busy.Unlock()
	last, err := s.lastSeq(ctx, e.ID, boot)
	if err != nil || seq <= last {
		return struct{}{}, err
	}
	if late := sent.Sub(b.At) > behindAfter; late {
		x.mu.Lock()
		first := !x.behind
		x.behind = true
		x.mu.Unlock()
		if first {
			if err := s.refreshPlaces(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := s.checks.TakeResults(ctx, e.Name, placed(b.Results)); err != nil {
		return nil, err
	}
	if err := s.devices.TakePolls(ctx, e.Name, b.Polls); err != nil {
		return nil, err
	}
	if s.paths != nil && len(b.Paths) > 0 {
		if err := s.paths.TakeRounds(ctx, e.Name, b.Paths); err != nil {
			return nil, err
		}
	}
	if err := s.takeSite(ctx, e, observe.Delivery{Boot: boot, Seq: seq}, b); err != nil {
		return nil, err
	}
	return struct{}{}, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("INSERT INTO edge_streams (edge_id, boot, seq, at) VALUES (?, ?, ?, ?) ON CONFLICT (edge_id, boot) DO UPDATE SET seq = excluded.seq, at = excluded.at", e.ID, boot, seq, tx.Now()).Exec(ctx)
		return err
	})
}

func (s *Service) lastSeq(ctx context.Context, edgeID, boot string) (int64, error) {
	var last int64
	err := s.d.DB.Reader().NewRaw("SELECT seq FROM edge_streams WHERE edge_id = ? AND boot = ?", edgeID, boot).Scan(ctx, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return last, err
}

// readBatch unpacks and bounds a batch.
func readBatch(data []byte) (*edgewire.Batch, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errs.New(errs.Invalid, "The batch is not gzip.")
	}
	raw, err := io.ReadAll(io.LimitReader(z, edgewire.MaxBatch+1))
	if err != nil || len(raw) > edgewire.MaxBatch {
		return nil, errs.New(errs.Invalid, "The batch is damaged, or larger than %d MiB when unpacked.", edgewire.MaxBatch>>20)
	}
	var b edgewire.Batch
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, errs.New(errs.Invalid, "The batch is not what an edge sends.")
	}
	if len(b.Results) > edgewire.MaxResults {
		return nil, errs.New(errs.Invalid, "The batch has more than %d results.", edgewire.MaxResults)
	}
	for _, r := range b.Results {
		if y := r.Start.Year(); y < 2000 || y > 9000 || r.DurationNS < 0 {
			return nil, errs.New(errs.Invalid, "The batch has a result without a time.")
		}
	}
	if len(b.Paths) > edgewire.MaxPathBlocks {
		return nil, errs.New(errs.Invalid, "The batch has more than %d blocks of network paths.", edgewire.MaxPathBlocks)
	}
	for _, p := range b.Paths {
		if y := p.Start.Year(); y < 2000 || y > 9000 {
			return nil, errs.New(errs.Invalid, "The batch has rounds of a network path without a time.")
		}
	}
	if err := checkSite(&b); err != nil {
		return nil, err
	}
	return &b, checkPolls(b.Polls)
}

// checkPolls bounds what was read of devices.
func checkPolls(ps []edgewire.Poll) error {
	figures := 0
	for i := range ps {
		p := &ps[i]
		figures += len(p.Samples)
		if y := p.Start.Year(); y < 2000 || y > 9000 || p.DurationNS < 0 {
			return errs.New(errs.Invalid, "The batch has a poll without a time.")
		}
		p.Error = clip(p.Error, edgewire.MaxOutput)
	}
	if figures > edgewire.MaxSamples {
		return errs.New(errs.Invalid, "The batch has more than %d figures.", edgewire.MaxSamples)
	}
	return nil
}

// maxMeasures is how many figures of one result are taken.
const maxMeasures = 200

func placed(rs []edgewire.Result) []observe.PlacedResult {
	out := make([]observe.PlacedResult, 0, len(rs))
	for _, r := range rs {
		p := observe.PlacedResult{CheckID: r.Check, Result: observe.Result{
			Status: observe.Status(r.Status & 3), Output: clip(r.Output, edgewire.MaxOutput), Detail: clip(r.Detail, edgewire.MaxDetail), Start: r.Start, Duration: time.Duration(r.DurationNS),
		}}
		for _, m := range r.Measures[:min(len(r.Measures), maxMeasures)] {
			p.Measures = append(p.Measures, observe.Measure{Name: m.Name, Labels: m.Labels, Value: m.Value})
		}
		out = append(out, p)
	}
	return out
}

// config gives an edge what it is to run.
func (s *Service) config(_ context.Context, e *edgeRow, _ *nats.Msg) (any, error) {
	raw, _, err := s.configOf(e)
	return json.RawMessage(raw), err
}

// renew signs a new certificate for an edge that is known by its old one.
func (s *Service) renew(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error) {
	var in agentwire.CertificateRequest
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return nil, errs.New(errs.Invalid, "This is not a certificate request in JSON.")
	}
	cert, serial, notAfter, err := s.trust.SignClient(in.CSR, e.ID, s.now())
	if err != nil {
		return nil, err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("UPDATE edges SET serial = ?, not_after = ?, updated_at = ? WHERE id = ?", serial, notAfter, tx.Now(), e.ID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "edge.renew", Ref: ref(e.ID), Name: e.Name, Before: map[string]string{"serial": e.Serial}, After: map[string]string{"serial": serial}})
	})
	return agentwire.CertificateResponse{Certificate: cert, CA: s.trust.Authorities()}, err
}

package agent

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// A piece of lines is stored as a whole or not at all: it is far smaller than what
	// the log store writes at once.
	pieceLines = 500
	pieceBytes = 384 << 10
	// pieceField names the piece in each line, so that after a kill it is known whether
	// it was stored.
	pieceField = "agent_batch"
	// lookBack is how old the lines of a batch may be that is looked for.
	lookBack = 7 * 24 * time.Hour
	maxField = 2000
	// freshFor is how long after it was read a line may take the time of its arrival.
	freshFor = 5 * time.Second
)

// lines hands the lines of a batch to the log store, each piece once.
func (s *Service) lines(ctx context.Context, x *session, a *agentRow, b *agentwire.Batch, address string) error {
	if len(b.Lines) == 0 {
		return nil
	}
	if s.intake == nil {
		return errs.New(errs.Unavailable, "This server keeps no logs.")
	}
	from := signal.Source{Protocol: "agent", Sender: "agent " + a.Name}
	from.Address, _ = netip.ParseAddr(address)
	boot := clean(b.Boot, 100)
	batch := fmt.Sprintf("%s.%s", boot[max(0, len(boot)-12):], strconv.FormatInt(b.Seq, 36))
	if x.pieces != batch {
		x.pieces, x.stored = batch, 0
	}
	// What a process before this one stored is in the log store; what this one did is
	// remembered.
	look := x.unsure
	for n, rest := 0, b.Lines; len(rest) > 0; n++ {
		size, k := 0, 0
		for k < len(rest) && k < pieceLines && (k == 0 || size+len(rest[k].Message) <= pieceBytes) {
			size += len(rest[k].Message)
			k++
		}
		part := rest[:k]
		rest = rest[k:]
		if n < x.stored {
			continue
		}
		id := batch + "." + strconv.FormatInt(int64(n), 36)
		if look {
			has, err := s.hasPiece(ctx, a, id, b.At)
			if err != nil {
				return err
			}
			if has {
				x.stored = n + 1
				continue
			}
			look = false // pieces are stored in order
		}
		out := make([]signal.Line, 0, len(part))
		for i := range part {
			out = append(out, line(a, b, &part[i], id, s.now()))
		}
		if _, err := s.intake.TakeLines(ctx, from, out); err != nil {
			return err
		}
		x.stored = n + 1
	}
	return nil
}

func (s *Service) hasPiece(ctx context.Context, a *agentRow, id string, at time.Time) (bool, error) {
	if s.logs == nil {
		return false, nil
	}
	found := false
	err := s.logs.QueryLogs(access.AsSystem(ctx), observe.LogQuery{LogsQL: fmt.Sprintf("item:=%q %s:=%q", a.Name, pieceField, id), From: at.Add(-lookBack), To: s.now().Add(2 * time.Hour), Limit: 1}, func([]signal.Field) error {
		found = true
		return nil
	})
	return found, err
}

// line is a line as the log store takes it.
func line(a *agentRow, b *agentwire.Batch, l *agentwire.Line, piece string, now time.Time) signal.Line {
	out := signal.Line{Message: l.Message, Level: clean(l.Level, 20), Hints: signal.Hints{Item: a.Name}}
	switch read := time.Unix(0, l.ReadAt); {
	case l.At > 0:
		out.At = time.Unix(0, l.At)
	case l.ReadAt > 0 && now.Sub(read) > freshFor && logparse.Parse(l.Message, now).Time.IsZero():
		// It waited on the host and does not say when it was written.
		out.At = read
	}
	out.Stream = append(out.Stream, signal.Field{Name: "item", Value: a.Name})
	if l.Stream >= 0 && l.Stream < len(b.Streams) {
		out.Stream = fields(out.Stream, b.Streams[l.Stream])
	}
	if signal.Value(out.Stream, "host") == "" && a.Hostname != "" {
		out.Stream = append(out.Stream, signal.Field{Name: "host", Value: a.Hostname})
	}
	out.Fields = append(fields(nil, l.Fields), signal.Field{Name: pieceField, Value: piece})
	return out
}

// fields adds what the agent said, but for what it cannot say of itself.
func fields(out []signal.Field, m map[string]string) []signal.Field {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k != "" && k != "item" && k != pieceField && len(k) <= 100 && m[k] != "" {
			out = append(out, signal.Field{Name: clean(k, 100), Value: clean(m[k], maxField)})
		}
	}
	return out
}

// checkLines bounds what a batch brings of logs and results.
func checkLines(b *agentwire.Batch) (path, message string) {
	switch {
	case len(b.Lines) > agentwire.MaxLines:
		return "lines", "are too many"
	case len(b.Streams) > agentwire.MaxStreams:
		return "streams", "are too many"
	case len(b.Results) > agentwire.MaxChecks:
		return "results", "are too many"
	}
	for i := range b.Lines {
		if l := &b.Lines[i]; len(l.Fields) > 50 || len(l.Message) > 2*agentwire.MaxLineBytes {
			return "lines", "are too long or have too many fields"
		}
	}
	for _, m := range b.Streams {
		if len(m) > 20 {
			return "streams", "have too many fields"
		}
	}
	for _, r := range b.Results {
		if y := r.Start.Year(); y < 2000 || y > 9000 || r.DurationNS < 0 || r.Status > 3 {
			return "results", "must have a time and a status from 0 to 3"
		}
	}
	return "", ""
}

package log

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/core/logpattern"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxMessage is the longest text of a line; what is longer is cut off and its
	// length is in the field "cut_bytes".
	maxMessage = 256 << 10
	// ahead is how far in the future the time of a line may be. The clock of the
	// sender is wrong then: the line gets the time at which it came, and its own is
	// in the field "sent_time".
	ahead = time.Hour
)

// TakeLines implements signal.Lines.
func (s *Service) TakeLines(_ context.Context, from signal.Source, lines []signal.Line) (signal.Receipt, error) {
	st, err := s.open()
	if err != nil {
		return signal.Receipt{}, err
	}
	now := s.d.DB.Clock().Now()
	rows := make([]logdb.Row, 0, len(lines))
	empty := 0
	b := batch{counts: tally{}, seen: map[string]logpattern.Match{}}
	for i := range lines {
		if lines[i].Message == "" && len(lines[i].Fields) == 0 {
			empty++
			continue
		}
		rows = append(rows, s.row(from, &lines[i], now, &b))
	}
	got, err := st.Write(rows)
	if err == nil && s.sink != nil {
		s.counts.take(b.counts, b.seen)
	}
	out := signal.Receipt{Taken: got.Taken, Dropped: got.Dropped + empty, Why: got.Why}
	if empty > 0 && out.Why == "" {
		out.Why = "The line is empty."
	}
	return out, err
}

// batch is what is counted of the lines of one request.
type batch struct {
	counts tally
	seen   map[string]logpattern.Match
}

// row is the line as it is stored.
func (s *Service) row(from signal.Source, l *signal.Line, now time.Time, b *batch) logdb.Row {
	r := logdb.Row{At: l.At, Stream: l.Stream}
	fields := make([]logdb.Field, 0, len(l.Fields)+16)
	message, cut := clip(l.Message)
	for _, f := range l.Fields {
		if f.Value == "" || f.Name == "level" && l.Level != "" {
			continue
		}
		if strings.HasPrefix(f.Name, "_") {
			f.Name = strings.TrimLeft(f.Name, "_") // the store's own names begin so
			if f.Name == "" {
				f.Name = "unnamed"
			}
		}
		if f.Name == "item" {
			f.Name = "item_" // what a line says is not what it belongs to
		}
		fields = append(fields, f)
	}
	level := l.Level
	if message != "" {
		var p *logparse.Parsed
		pattern := s.patterns.of(message)
		message, fields, p = s.parse(from, l, message, fields, now)
		fields = append(fields, logdb.Field{Name: logdb.Message, Value: message}, logdb.Field{Name: "pattern", Value: pattern.ID})
		if level == "" {
			level = p.Level
		}
		b.counts.add(cell{pattern.ID, signal.Value(l.Stream, "item"), level}, 1)
		if _, ok := b.seen[pattern.ID]; !ok {
			b.seen[pattern.ID] = pattern
		}
		if l.At.IsZero() && !p.Time.IsZero() && p.Time.Sub(now) <= ahead {
			r.At = p.Time
		}
	}
	if level != "" && !hasField(fields, "level") {
		fields = append(fields, logdb.Field{Name: "level", Value: level})
	}
	if cut > 0 {
		fields = append(fields, logdb.Field{Name: "cut_bytes", Value: strconv.Itoa(cut)})
	}
	switch {
	case r.At.IsZero():
		r.At = now
	case l.At.Sub(now) > ahead:
		r.At = now
		fields = append(fields, logdb.Field{Name: "sent_time", Value: l.At.UTC().Format(time.RFC3339Nano)})
	}
	if from.Protocol != "" {
		fields = append(fields, logdb.Field{Name: "protocol", Value: from.Protocol})
	}
	r.Fields = fields
	return r
}

// clip cuts a text that is too long between two characters, and makes it valid UTF-8.
func clip(text string) (string, int) {
	cut := 0
	if len(text) > maxMessage {
		n := maxMessage
		for n > maxMessage-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		cut = len(text) - n
		text = text[:n]
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.TrimRight(text, "\r\n"), cut
}

// measure tells the program's own metrics about the store.
func (s *Service) measure() {
	gauge := func(name, help string, value func(logdb.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			st, err := s.open()
			if err != nil {
				return 0
			}
			got, err := st.Stats()
			if err != nil {
				return 0
			}
			return value(got)
		})
	}
	s.d.Metrics.MustRegister(
		gauge("mainstay_logs_rows", "Log lines in the store.", func(st logdb.Stats) float64 { return float64(st.Rows) }),
		gauge("mainstay_logs_bytes", "Size of the files of the log store.", func(st logdb.Stats) float64 { return float64(st.Bytes) }),
		gauge("mainstay_logs_journal_bytes", "Size of the journal of the log store.", func(st logdb.Stats) float64 { return float64(st.JournalBytes) }),
	)
}

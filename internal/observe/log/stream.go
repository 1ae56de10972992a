package log

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	usualLimit = 1000
	beat       = 15 * time.Second
	// tailAge ends a live tail, so that who has lost the permission does not read on.
	// Browsers and the command line begin again by themselves.
	tailAge = 15 * time.Minute
)

// serveQuery writes one JSON object a line. What goes wrong before the first row is a
// problem document; after it the last line is {"error": "…"}.
func (s *Service) serveQuery(w http.ResponseWriter, r *http.Request) {
	q, err := s.fromRequest(r)
	if err != nil {
		httpapi.WriteProblem(w, err)
		return
	}
	st, q, err := s.ask(r.Context(), q)
	if err != nil {
		httpapi.WriteProblem(w, err)
		return
	}
	out := &rows{w: w}
	info, err := st.Query(r.Context(), q, out.row)
	switch {
	case err != nil && !out.begun:
		httpapi.WriteProblem(w, err)
		return
	case err != nil && r.Context().Err() == nil:
		s.d.Logger.Warn("log query failed after its first row", "error", err)
		out.line(map[string]string{"error": errs.Message(err)})
	}
	out.end(info)
}

// rows writes an answer. It holds back little, so that the first rows are there at
// once.
type rows struct {
	w     http.ResponseWriter
	buf   []byte
	begun bool
}

func (o *rows) begin() {
	if !o.begun {
		o.begun = true
		o.w.Header().Set("Content-Type", "application/x-ndjson")
		o.w.Header().Set("Cache-Control", "no-store")
		o.w.Header().Set("Trailer", "X-More")
	}
}

func (o *rows) row(fs []signal.Field) error {
	o.begin()
	o.buf = appendObject(o.buf, fs)
	o.buf = append(o.buf, '\n')
	if len(o.buf) < 32<<10 {
		return nil
	}
	return o.flush()
}

func (o *rows) line(v any) {
	if b, err := json.Marshal(v); err == nil {
		o.buf = append(append(o.buf, b...), '\n')
	}
}

func (o *rows) flush() error {
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

func (o *rows) end(info logdb.Info) {
	o.begin()
	if o.flush() == nil {
		o.w.Header().Set("X-More", strconv.FormatBool(info.More))
	}
}

// appendObject keeps the order of the fields.
func appendObject(b []byte, fs []signal.Field) []byte {
	b = append(b, '{')
	for i, f := range fs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.Name)
		b = append(b, ':')
		b = appendString(b, f.Value)
	}
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	j, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // a string always has a form in JSON
	}
	return append(b, j...)
}

// fromRequest reads query, start, end and limit.
func (s *Service) fromRequest(r *http.Request) (logdb.Query, error) {
	v := r.URL.Query()
	q, err := s.rangeOf(RangeIn{Query: v.Get("query"), Start: v.Get("start"), End: v.Get("end")})
	if err != nil {
		return q, err
	}
	q.Limit = usualLimit
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return q, errs.Fields(errs.Field{Path: "limit", Value: text, Message: "must be a number between 1 and 50000"})
		}
		q.Limit = n
	}
	switch v.Get("order") {
	case "", "newest":
	case "oldest":
		q.Oldest = true
	default:
		return q, errs.Fields(errs.Field{Path: "order", Value: v.Get("order"), Message: "must be newest or oldest"})
	}
	return q, nil
}

const maxLimit = 50_000

// serveTail sends events: "rows" with {"rows":[…],"skipped":0}, and "error" with
// {"detail":"…"} as its last.
func (s *Service) serveTail(w http.ResponseWriter, r *http.Request) {
	st, q, err := s.ask(r.Context(), logdb.Query{LogsQL: r.URL.Query().Get("query")})
	if err == nil {
		err = st.CheckTail(q.LogsQL)
	}
	if err != nil {
		httpapi.WriteProblem(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), tailAge)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a stream has no end of its own
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	send := func(b []byte) bool {
		_, err := w.Write(b)
		return err == nil && rc.Flush() == nil
	}
	if !send([]byte(": tail\n\n")) {
		return
	}
	out := make(chan []byte)
	done := make(chan error, 1)
	go func() {
		defer close(out)
		done <- st.Tail(ctx, q, func(got [][]signal.Field, skipped int) error {
			select {
			case out <- rowsEvent(got, skipped):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		b, more := []byte(": still here\n\n"), true
		select {
		case b, more = <-out:
		case <-tick.C:
		}
		if !more {
			if err := <-done; err != nil && ctx.Err() == nil {
				send(errorEvent(err))
			}
			return
		}
		if !send(b) {
			cancel()
			for range out { // until the tail has ended
			}
			return
		}
	}
}

func rowsEvent(got [][]signal.Field, skipped int) []byte {
	b := []byte("event: rows\ndata: {\"rows\":[")
	for i, fs := range got {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendObject(b, fs)
	}
	b = strconv.AppendInt(append(b, `],"skipped":`...), int64(skipped), 10)
	return append(b, "}\n\n"...)
}

func errorEvent(err error) []byte {
	b := appendObject([]byte("event: error\ndata: "), []signal.Field{{Name: "detail", Value: errs.Message(err)}})
	return append(b, "\n\n"...)
}

package packet

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

const mostObject = 64 << 20

// serveFile is GET /api/v1/captures/{id}/file?format=pcapng|pcap&gzip=true&filter=.
func (s *Service) serveFile(w http.ResponseWriter, q *http.Request) {
	if err := s.sendFile(w, q); err != nil {
		httpapi.WriteProblem(w, err)
	}
}

// sendFile gives an error only as long as nothing was sent.
func (s *Service) sendFile(w http.ResponseWriter, q *http.Request) error {
	ctx, v := q.Context(), q.URL.Query()
	r, err := s.get(ctx, q.PathValue("id"))
	if err != nil {
		return err
	}
	o, done, err := s.use(ctx, r.ID)
	if err != nil {
		return err
	}
	defer done()
	format := v.Get("format")
	switch format {
	case "":
		format = "pcapng"
	case "pcapng", "pcap":
	default:
		return errs.Fields(errs.Field{Path: "format", Value: format, Message: "must be pcapng or pcap"})
	}
	t := o.index.Totals()
	if format == "pcap" && t.Links > 1 {
		return errs.Fields(errs.Field{Path: "format", Value: format, Message: "cannot hold packets of several link types; use pcapng"})
	}
	found, _, err := o.match(ctx, v.Get("filter"))
	if err != nil {
		return err
	}
	if err := s.opening(ctx, r, "capture.download"); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
	name := fileName(r.Name) + "." + format
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	var out io.Writer = w
	h.Set("Content-Type", "application/vnd.tcpdump.pcap")
	if v.Get("gzip") == "true" {
		name += ".gz"
		h.Set("Content-Type", "application/gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		out = z
	}
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	buf := bufio.NewWriterSize(out, 1<<20)
	pw := capture.NewPcapNG(buf)
	if format == "pcap" {
		pw = capture.NewPcap(buf, capture.LinkType(t.Link))
	}
	err = pw.Begin()
	if err == nil {
		err = o.index.Each(ctx, found, pw.Write)
	}
	if err == nil {
		err = buf.Flush()
	}
	if err != nil { // too late for an answer; the connection is cut so that nobody takes it for whole
		s.logger.Warn("a capture could not be sent whole", "capture", r.ID, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// fileName makes a name for a file out of one for people.
func fileName(s string) string {
	s = strings.TrimSuffix(strings.TrimSuffix(s, ".gz"), ".zst")
	s = strings.TrimSuffix(strings.TrimSuffix(s, ".pcapng"), ".pcap")
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, ".-"); s == "" {
		return "capture"
	}
	return s[:min(len(s), 100)]
}

// serveObject is GET /api/v1/captures/{id}/objects/{n}: always as a download,
// since a browser must not run what was captured.
func (s *Service) serveObject(w http.ResponseWriter, q *http.Request) {
	if err := s.sendObject(w, q); err != nil {
		httpapi.WriteProblem(w, err)
	}
}

func (s *Service) sendObject(w http.ResponseWriter, q *http.Request) error {
	ctx := q.Context()
	r, err := s.get(ctx, q.PathValue("id"))
	if err != nil {
		return err
	}
	o, done, err := s.use(ctx, r.ID)
	if err != nil {
		return err
	}
	defer done()
	all := o.index.Totals().Objects
	n, err := strconv.Atoi(q.PathValue("n"))
	if err != nil || n < 0 || n >= len(all) {
		return errs.New(errs.NotFound, "The capture has no such object.")
	}
	b, err := o.index.Content(ctx, all[n], mostObject)
	if err != nil {
		return errs.New(errs.Invalid, "The object cannot be taken out: %s.", err.Error())
	}
	if err := s.opening(ctx, r, "capture.download"); err != nil {
		return err
	}
	name := fileName(path.Base(strings.SplitN(all[n].Name, "?", 2)[0]))
	if all[n].Name == "" || strings.HasSuffix(all[n].Name, "/") {
		name = fmt.Sprintf("object-%d", n)
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, _ = w.Write(b)
	return nil
}

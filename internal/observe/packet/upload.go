package packet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// mostUpload is how large a file may be, unpacked.
const mostUpload = 2 << 30

// upload takes a file in.
func (s *Service) upload(ctx context.Context, name string, headersOnly bool, body io.Reader) (*row, error) {
	if err := mayWrite(ctx); err != nil {
		return nil, err
	}
	name = strings.TrimSpace(filepath.Base(strings.ReplaceAll(name, "\\", "/")))
	if name == "" || name == "." || name == "/" {
		name = "upload"
	}
	now := s.db.Clock().Now().UTC()
	r := &row{
		ID: id.New(), Name: short(name, 200), State: stateReading, Source: fromUpload, HeadersOnly: headersOnly, CreatedBy: access.From(ctx).Actor(),
		CreatedAt: now, ExpiresAt: now.Add(s.retention),
	}
	p := s.path(r.ID, extPackets)
	f, err := os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	err = receive(f, body, headersOnly)
	err = errors.Join(err, f.Close())
	if err == nil {
		r.Size = s.sizeOf(r.ID)
		r.Reserved = r.Size + r.Size/4
		err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.insert(ctx, tx, r) })
	}
	if err != nil {
		os.Remove(p)
		return nil, err
	}
	s.work.Go(func() { s.read(r.ID, "") })
	return r, nil
}

// receive writes a capture as it is, unpacked; with headersOnly without what the
// packets carry.
func receive(f io.Writer, body io.Reader, headersOnly bool) error {
	in := bufio.NewReaderSize(body, 256<<10)
	head, err := in.Peek(4)
	if err != nil || !capture.Is(head) {
		return errs.New(errs.Invalid, "%s.", sentence(capture.ErrFormat))
	}
	var r io.Reader = in
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return errs.New(errs.Invalid, "The file is not readable as gzip.")
		}
		r = z
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
		if err != nil {
			return errs.New(errs.Invalid, "The file is not readable as zstd.")
		}
		defer z.Close()
		r = z
	}
	limited := &io.LimitedReader{R: r, N: mostUpload + 1}
	out := bufio.NewWriterSize(f, 1<<20)
	if headersOnly {
		err = cutPayloads(out, limited)
	} else {
		check := bufio.NewReaderSize(limited, 4096)
		if head, perr := check.Peek(4); perr != nil || !capture.Is(head) {
			return errs.New(errs.Invalid, "%s.", sentence(capture.ErrFormat))
		}
		_, err = io.Copy(out, check)
	}
	if limited.N <= 0 {
		return errs.New(errs.TooLarge, "The file is larger than %d MiB when it is unpacked.", mostUpload>>20)
	}
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The file did not arrive whole, or cannot be unpacked.")
	}
	return out.Flush()
}

func cutPayloads(out io.Writer, in io.Reader) error {
	r, err := capture.NewReader(in)
	if err != nil {
		return err
	}
	defer r.Close()
	w := capture.NewPcapNG(out)
	if err := w.Begin(); err != nil {
		return err
	}
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, capture.ErrCut) {
			return nil
		}
		if err != nil {
			return err
		}
		p.Data = capture.Headers(p.Link, p.Data)
		if err := w.Write(p); err != nil {
			return err
		}
	}
}

// serveUpload is POST /api/v1/capture-uploads: the body is the file.
func (s *Service) serveUpload(w http.ResponseWriter, q *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(time.Hour))
	_ = rc.SetWriteDeadline(time.Now().Add(time.Hour + time.Minute))
	v := q.URL.Query()
	r, err := s.upload(q.Context(), v.Get("name"), v.Get("headers_only") == "true", http.MaxBytesReader(w, q.Body, mostUpload))
	if err != nil {
		httpapi.WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(s.view(q.Context(), []row{*r})[0])
}

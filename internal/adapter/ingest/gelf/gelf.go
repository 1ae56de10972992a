// Package gelf takes the format of Graylog: over UDP in chunks and compressed, over
// TCP with a zero byte after each message, and over HTTP.
package gelf

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/lines"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/logfield"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	name = "gelf"
	// maxMessage is the longest message after it was decompressed.
	maxMessage = 2 << 20
)

func init() {
	signal.Register(signal.Protocol{
		Name: name, Title: "GELF", HTTP: func(env signal.Env) http.Handler { return &handler{env} },
		Listeners: []signal.Listener{{Port: "gelf_udp", Network: "udp", Packets: packets}, {Port: "gelf_tcp", Network: "tcp", Stream: stream}},
	})
}

// Parse reads one message.
func Parse(b []byte) (signal.Line, error) {
	fs, err := logfield.Flatten(b)
	if err != nil {
		return signal.Line{}, err
	}
	var l signal.Line
	if v := logfield.Take(&fs, "timestamp"); v != "" {
		at, ok := logfield.Moment(v)
		if !ok {
			fs = append(fs, signal.Field{Name: "timestamp", Value: v})
		}
		l.At = at
	}
	l.Message = logfield.Take(&fs, "short_message")
	if full := logfield.Take(&fs, "full_message"); full != "" && full != l.Message {
		if l.Message != "" && !strings.HasPrefix(full, l.Message) {
			fs = append(fs, signal.Field{Name: "short_message", Value: l.Message})
		}
		l.Message = full
	}
	if l.Message == "" {
		return l, errors.New("short_message is missing")
	}
	if v := logfield.Take(&fs, "level"); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 && n <= 7 {
			l.Level = logfield.Severity(n)
		} else {
			l.Level = logfield.Level(v)
		}
	}
	logfield.Take(&fs, "version")
	l.Hints.Host = logfield.Take(&fs, "host")
	if l.Hints.Host != "" {
		l.Stream = append(l.Stream, signal.Field{Name: "host", Value: l.Hints.Host})
	}
	for i := range fs {
		fs[i].Name = strings.TrimPrefix(fs[i].Name, "_")
		if fs[i].Name == "host" {
			fs[i].Name = "host_"
		}
	}
	if app := logfield.Take(&fs, "app", "application", "application_name", "service", "container_name", "facility"); app != "" {
		l.Stream = append(l.Stream, signal.Field{Name: "app", Value: app})
		l.Hints.Service = app
	}
	l.Fields = fs
	return l, nil
}

type handler struct{ env signal.Env }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := strings.Trim(r.URL.Path, "/"); p != "" && p != "gelf" {
		answer.NotFound(w, r, "/ingest/gelf")
		return
	}
	if !answer.Method(w, r, http.MethodPost) {
		return
	}
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	var batch []signal.Line
	for n, one := range bytes.Split(bytes.TrimSpace(body), []byte("\n")) {
		l, err := Parse(one)
		if err != nil {
			h.env.Malformed(from, err.Error())
			answer.Error(w, errs.Wrap(errs.Invalid, err, "Message %d is not GELF: %s.", n+1, err))
			return
		}
		batch = append(batch, l)
	}
	if _, err := h.env.Lines.TakeLines(r.Context(), from, batch); err != nil {
		answer.Error(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	d := lines.NewDatagrams(env)
	a := newAssembly(time.Now)
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	wg.Go(func() { d.Run(running) })
	err := conns.Packets(ctx, env, name, sockets, func(from signal.Source, b []byte) {
		whole, err := a.add(from, b)
		if err == nil && whole != nil {
			var l signal.Line
			if l, err = datagram(whole); err == nil {
				d.Add(ctx, from, located(from, l))
			}
		}
		if err != nil {
			env.Malformed(from, err.Error())
		}
	})
	stop()
	wg.Wait()
	return err
}

// located adds the address of a sender that does not say its name.
func located(from signal.Source, l signal.Line) signal.Line {
	if l.Hints.Host == "" && from.Address.IsValid() {
		l.Hints.Address = from.Address.Unmap().String()
	}
	return l
}

func datagram(b []byte) (signal.Line, error) {
	plain, err := unpack(b)
	if err != nil {
		return signal.Line{}, err
	}
	return Parse(plain)
}

// unpack decompresses gzip and zlib, known by their first bytes.
func unpack(b []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch {
	case len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b:
		r, err = gzip.NewReader(bytes.NewReader(b))
	case len(b) > 2 && b[0] == 0x78 && (int(b[0])<<8|int(b[1]))%31 == 0:
		r, err = zlib.NewReader(bytes.NewReader(b))
	default:
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be decompressed: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("it cannot be decompressed: %w", err)
	}
	if len(plain) > maxMessage {
		return nil, fmt.Errorf("it is larger than %d MiB", maxMessage>>20)
	}
	return plain, nil
}

func stream(ctx context.Context, env signal.Env, ln net.Listener) error {
	return conns.Serve(ctx, env, name, ln, func(ctx context.Context, from signal.Source, c net.Conn) {
		sc := bufio.NewScanner(c)
		sc.Buffer(make([]byte, 0, 64<<10), maxMessage)
		sc.Split(split)
		for {
			if c.SetReadDeadline(time.Now().Add(conns.Idle)) != nil || !sc.Scan() {
				if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
					env.Malformed(from, fmt.Sprintf("a message is larger than %d MiB", maxMessage>>20))
				}
				return
			}
			if len(bytes.TrimSpace(sc.Bytes())) == 0 {
				continue
			}
			l, err := Parse(sc.Bytes())
			if err != nil {
				env.Malformed(from, err.Error())
				continue
			}
			if lines.Store(ctx, env, from, []signal.Line{located(from, l)}) != nil {
				return
			}
		}
	})
}

// split cuts at zero bytes; some senders end with a line break instead.
func split(b []byte, end bool) (int, []byte, error) {
	if i := bytes.IndexAny(b, "\x00\n"); i >= 0 {
		return i + 1, b[:i], nil
	}
	if end && len(b) > 0 {
		return len(b), b, nil
	}
	return 0, nil, nil
}

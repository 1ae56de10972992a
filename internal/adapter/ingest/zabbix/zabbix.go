// Package zabbix takes values as zabbix_sender and active Zabbix agents send them.
package zabbix

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zlib"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const protocol = "zabbix"

func init() {
	signal.Register(signal.Protocol{
		Name: protocol, Title: "Zabbix sender and webhook", Listeners: []signal.Listener{{Port: protocol, Network: "tcp", Stream: stream}}, Alerts: readEvent,
		HTTP: func(env signal.Env) http.Handler {
			return alertway.Handler(env, "/ingest/zabbix", readEvent, "", "/webhook")
		},
	})
}

const (
	maxPacket = 16 << 20
	maxValues = 50_000
	maxText   = 64 << 10
	within    = 30 * time.Second
)

// flags of the header (Zabbix protocol, "Header and data length").
const (
	flagProtocol   = 0x01
	flagCompressed = 0x02
	flagLarge      = 0x04
)

// readPacket reads "ZBXD", flags, length, what it is when decompressed, and data.
func readPacket(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if string(head[:4]) != "ZBXD" || head[4]&flagProtocol == 0 {
		return nil, errors.New("this does not begin with ZBXD")
	}
	var size, plain uint64
	if head[4]&flagLarge != 0 {
		var n [16]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return nil, err
		}
		size, plain = binary.LittleEndian.Uint64(n[:]), binary.LittleEndian.Uint64(n[8:])
	} else {
		var n [8]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return nil, err
		}
		size, plain = uint64(binary.LittleEndian.Uint32(n[:])), uint64(binary.LittleEndian.Uint32(n[4:]))
	}
	if size > maxPacket || head[4]&flagCompressed != 0 && plain > maxPacket {
		return nil, fmt.Errorf("the packet is larger than %d MiB", maxPacket>>20)
	}
	// The length is a promise: memory grows with what really comes.
	data, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, err
	}
	if uint64(len(data)) < size {
		return nil, io.ErrUnexpectedEOF
	}
	if head[4]&flagCompressed == 0 {
		return data, nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPacket+1))
	if len(out) > maxPacket {
		return nil, fmt.Errorf("the packet is larger than %d MiB", maxPacket>>20)
	}
	return out, err
}

func packet(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(`{"response":"failed"}`)
	}
	out := append([]byte("ZBXD\x01"), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(out[5:], uint32(len(b)))
	return append(out, b...)
}

// request is what senders and agents say.
type request struct {
	Request string  `json:"request"`
	Host    string  `json:"host"`
	Data    []value `json:"data"`
	Clock   int64   `json:"clock"`
	NS      int64   `json:"ns"`
}

type value struct {
	Host  string          `json:"host"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	Clock int64           `json:"clock"`
	NS    int64           `json:"ns"`
	// State is 1 when the agent could not get the value; the value is the reason.
	State int `json:"state"`
}

type reply struct {
	Response string `json:"response"`
	Info     string `json:"info,omitempty"`
	Data     []any  `json:"data,omitempty"`
}

func stream(ctx context.Context, env signal.Env, ln net.Listener) error {
	return conns.Serve(ctx, env, protocol, ln, func(ctx context.Context, from signal.Source, c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(within))
		data, err := readPacket(c)
		if err != nil {
			env.Malformed(from, err.Error())
			return
		}
		_, _ = c.Write(packet(take(ctx, env, from, data)))
	})
}

// take answers one request.
func take(ctx context.Context, env signal.Env, from signal.Source, data []byte) reply {
	start := time.Now()
	var req request
	if err := json.Unmarshal(data, &req); err != nil {
		env.Malformed(from, err.Error())
		return reply{Response: "failed", Info: "The request is not JSON."}
	}
	switch req.Request {
	case "sender data", "agent data", "history data":
	case "active checks":
		// An agent asks what it should measure; it is told nothing here and goes on to
		// send what it is configured to.
		return reply{Response: "success", Data: []any{}}
	default:
		env.Malformed(from, "The request "+strconv.Quote(short(req.Request, 40))+" is not known.")
		return reply{Response: "failed", Info: "Only \"sender data\" and \"agent data\" are taken."}
	}
	if len(req.Data) > maxValues {
		env.Malformed(from, "There are too many values in one request.")
		return reply{Response: "failed", Info: fmt.Sprintf("At most %d values are taken in one request.", maxValues)}
	}
	b := sort(req, start)
	if b.bad > 0 {
		env.Dropped(from, "no host or key", b.bad)
	}
	processed, failed := 0, b.bad
	if len(b.samples) > 0 {
		got, err := env.Samples.TakeSamples(ctx, from, b.samples, nil)
		if err != nil {
			return reply{Response: "failed", Info: err.Error()}
		}
		processed, failed = processed+got.Taken, failed+got.Dropped
	}
	if len(b.lines) > 0 {
		got, err := env.Lines.TakeLines(ctx, from, b.lines)
		if err != nil {
			got.Dropped = len(b.lines)
		}
		processed, failed = processed+got.Taken, failed+got.Dropped
	}
	return reply{Response: "success", Info: fmt.Sprintf("processed: %d; failed: %d; total: %d; seconds spent: %f", processed, failed, len(req.Data), time.Since(start).Seconds())}
}

// sorted are the values of a request: numbers are samples, texts are log lines.
type sorted struct {
	samples []signal.Sample
	lines   []signal.Line
	bad     int
}

func sort(req request, now time.Time) sorted {
	var out sorted
	hosts := map[string]*signal.Hints{}
	// Values carry the clock of the sender; the request says what time it is there.
	skew := time.Duration(0)
	if req.Clock > 0 {
		skew = now.Sub(time.Unix(req.Clock, req.NS))
	}
	for _, v := range req.Data {
		if v.Host == "" {
			v.Host = req.Host
		}
		text, ok := plain(v.Value)
		if !ok || v.Host == "" || v.Key == "" || len(v.Key) > 2048 || len(v.Host) > 255 {
			out.bad++
			continue
		}
		at := now
		if v.Clock > 0 && v.Clock < math.MaxInt32*4 {
			at = time.Unix(v.Clock, max(0, min(v.NS, 999_999_999)))
			if skew.Abs() > 5*time.Minute {
				at = at.Add(skew)
			}
		}
		h := hosts[v.Host]
		if h == nil {
			h = &signal.Hints{Host: v.Host}
			hosts[v.Host] = h
		}
		name, params := cutKey(v.Key)
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if v.State == 0 && err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
			s := signal.Sample{Name: naming.Metric(name), Labels: []signal.Field{{Name: "host", Value: v.Host}}, At: at, Value: x, Hints: h}
			if params != "" {
				s.Labels = append(s.Labels, signal.Field{Name: "key", Value: short(params, 1000)})
			}
			out.samples = append(out.samples, s)
			continue
		}
		l := signal.Line{At: at, Message: short(text, maxText), Stream: []signal.Field{{Name: "host", Value: v.Host}, {Name: "app", Value: "zabbix"}}, Fields: []signal.Field{{Name: "key", Value: v.Key}}, Hints: *h}
		if v.State != 0 {
			l.Level = "warning"
		}
		out.lines = append(out.lines, l)
	}
	return out
}

// plain gives a value as text; agents send strings, some programs numbers.
func plain(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, len(raw) > 0 && string(raw) != "null"
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String(), true
	}
	return "", false
}

// cutKey splits vfs.fs.size[/,free] into its name and what stands in brackets.
func cutKey(key string) (name, params string) {
	name, rest, ok := strings.Cut(key, "[")
	if !ok {
		return key, ""
	}
	return name, strings.TrimSuffix(rest, "]")
}

func short(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

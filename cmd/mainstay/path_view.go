package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/netpath"
)

// pathView shows a run.
type pathView struct {
	run   *pathRun
	host  string
	addr  netip.Addr
	proto netpath.Proto
	names func(netip.Addr) string
	begun time.Time
}

// pathJSON is what `mainstay path --json` prints, see docs/paths.md.
type pathJSON struct {
	Host       string        `json:"host"`
	Address    string        `json:"address"`
	Proto      string        `json:"proto"`
	IntervalMS float64       `json:"interval_ms"`
	From       time.Time     `json:"from"`
	To         time.Time     `json:"to"`
	Rounds     int           `json:"rounds"`
	End        pathFigures   `json:"end"`
	MOS        float64       `json:"mos"`
	Hops       []pathHopJSON `json:"hops"`
}

type pathFigures struct {
	Sent     int64    `json:"sent"`
	Lost     int64    `json:"lost"`
	Loss     float64  `json:"loss"`
	LastMS   *float64 `json:"last_ms"`
	MeanMS   *float64 `json:"mean_ms"`
	MinMS    *float64 `json:"min_ms"`
	MaxMS    *float64 `json:"max_ms"`
	JitterMS *float64 `json:"jitter_ms"`
}

type pathHopJSON struct {
	TTL       int           `json:"ttl"`
	Addresses []pathAddrOut `json:"addresses"`
	pathFigures
	Note string `json:"note,omitempty"`
}

type pathAddrOut struct {
	Address string  `json:"address"`
	Name    string  `json:"name,omitempty"`
	Share   float64 `json:"share"`
}

func figuresOf(s *netpath.Stats) pathFigures {
	f := pathFigures{Sent: s.Sent, Lost: s.Lost, Loss: s.Loss()}
	if s.Answers() == 0 {
		return f
	}
	ms := func(d time.Duration) *float64 { v := float64(d.Microseconds()) / 1000; return &v }
	f.LastMS, f.MeanMS, f.MinMS, f.MaxMS, f.JitterMS = ms(s.Last()), ms(s.Mean()), ms(s.Min), ms(s.Max), ms(s.Jitter())
	return f
}

func (v *pathView) json(every time.Duration) pathJSON {
	v.run.mu.Lock()
	defer v.run.mu.Unlock()
	o := pathJSON{
		Host: v.host, Address: v.addr.String(), Proto: string(v.proto), IntervalMS: float64(every.Microseconds()) / 1000, From: v.begun.UTC(), To: time.Now().UTC(),
		Rounds: v.run.rounds, End: figuresOf(&v.run.end), MOS: v.run.end.MOS(), Hops: []pathHopJSON{},
	}
	for i, h := range v.shown() {
		x := pathHopJSON{TTL: i + 1, Addresses: []pathAddrOut{}, pathFigures: figuresOf(&h.stats), Note: h.last.Code.String()}
		total := 0
		for _, a := range h.addrs {
			total += a.n
		}
		for _, a := range h.addrs {
			x.Addresses = append(x.Addresses, pathAddrOut{a.addr.String(), v.names(a.addr), float64(a.n) / float64(total)})
		}
		o.Hops = append(o.Hops, x)
	}
	return o
}

// shown are the hops up to the target.
func (v *pathView) shown() []*pathHop { return v.run.hops[:min(v.run.long, len(v.run.hops))] }

// follow draws the view until ctx ends.
func (v *pathView) follow(ctx context.Context, out *os.File, changed <-chan struct{}) {
	fmt.Fprint(out, "\x1b[?25l\x1b[2J")
	defer fmt.Fprint(out, "\x1b[?25h\x1b[H\x1b[2J")
	for {
		width := terminalWidth(out)
		var b strings.Builder
		_ = v.print(&b, width)
		fmt.Fprint(out, "\x1b[H"+strings.ReplaceAll(b.String(), "\n", "\x1b[K\n")+"\x1b[J")
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(time.Second): // names become known
		}
	}
}

// print writes the table; width 0 is without limit and without colors.
func (v *pathView) print(w io.Writer, width int) error {
	v.run.mu.Lock()
	defer v.run.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "Path to %s (%s) by %s, %d rounds since %s\n\n", v.host, v.addr, v.proto, v.run.rounds, v.begun.Format("15:04:05"))
	room := 44
	if width > 0 {
		room = max(15, min(60, width-66))
	}
	fmt.Fprintf(&b, "%3s  %-*s %7s %6s %8s %8s %8s %8s %8s\n", "Hop", room, "Address", "Loss", "Sent", "Last", "Mean", "Best", "Worst", "Jitter")
	for i, h := range v.shown() {
		b.WriteString(v.line(i+1, h, room, width > 0))
		for j, a := range h.addrs {
			if j > 0 {
				fmt.Fprintf(&b, "     %s\n", cut(v.label(a.addr), room))
			}
		}
	}
	if e := &v.run.end; e.Sent > 0 {
		fmt.Fprintf(&b, "\nEnd to end: %.1f%% loss, mean %s ms, jitter %s ms, voice quality (MOS) %.1f\n", e.Loss()*100, msText(e, e.Mean()), msText(e, e.Jitter()), e.MOS())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *pathView) line(ttl int, h *pathHop, room int, color bool) string {
	name := "no answer"
	if len(h.addrs) > 0 {
		name = v.label(h.addrs[0].addr)
	}
	if c := h.last.Code.String(); c != "" {
		name += " " + c
	}
	s := &h.stats
	loss := fmt.Sprintf("%6.1f%%", s.Loss()*100)
	if color && s.Lost > 0 && s.Answers() > 0 {
		loss = "\x1b[31m" + loss + "\x1b[0m"
	}
	return fmt.Sprintf("%3d  %-*s %s %6d %8s %8s %8s %8s %8s\n", ttl, room, cut(name, room), loss, s.Sent,
		msText(s, s.Last()), msText(s, s.Mean()), msText(s, s.Min), msText(s, s.Max), msText(s, s.Jitter()))
}

func (v *pathView) label(a netip.Addr) string {
	if n := v.names(a); n != "" {
		return n + " (" + a.String() + ")"
	}
	return a.String()
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n-1] + "~"
	}
	return s
}

func msText(s *netpath.Stats, d time.Duration) string {
	if s.Answers() == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds()*1000)
}

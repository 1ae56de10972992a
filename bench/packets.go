package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// captureBytes is the size of the capture that packets reads.
const captureBytes = 1 << 30

// packets compares reading one capture with tshark doing the same.
func packets(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-packets-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "traffic.pcap")
	n, err := writeTraffic(file)
	if err != nil {
		return err
	}
	fmt.Printf("  %d packets, %d MB: web pages, name look-ups and TLS between 200 clients and 50 servers\n", n, captureBytes>>20)
	before := cpu()
	if err := dissectAll(file); err != nil {
		return err
	}
	row("mainstay, taking every packet apart", float64(n)/(cpu()-before).Seconds(), "packets/CPU-s", 0, "")
	for _, c := range []struct {
		what           string
		mainstay, peer []string
	}{
		{"sessions", []string{"packet", "sessions", file}, []string{"-q", "-z", "conv,tcp", "-z", "conv,udp"}},
		{"packets that match http.response.code >= 500", []string{"packet", "list", file, "--filter", "http.response.code >= 500"}, []string{"-Y", "http.response.code >= 500"}},
		{"packets that match tcp.port == 443 && tls.handshake.type == 1", []string{"packet", "list", file, "--filter", "tcp.port == 443 && tls.handshake.type == 1"}, []string{"-Y", "tcp.port == 443 && tls.handshake.type == 1"}},
	} {
		used, wall, peak, err := measured(ctx, "bin/mainstay", c.mainstay...)
		if err != nil {
			return err
		}
		fmt.Printf("  %s\n", c.what)
		row("mainstay", used, "CPU-s", 0, fmt.Sprintf("%.1f s, %.0f MB at most", wall, peak))
		if _, err := exec.LookPath("tshark"); err != nil {
			continue
		}
		theirs, wall, peak, err := measured(ctx, "tshark", append([]string{"-n", "-r", file}, c.peer...)...)
		if err != nil {
			return err
		}
		row("tshark", theirs, "CPU-s", theirs/used, fmt.Sprintf("times as much; %.1f s, %.0f MB at most", wall, peak))
	}
	return nil
}

// measured runs a program to its end: seconds of processor and of time, and the
// most memory in MB.
func measured(ctx context.Context, name string, args ...string) (used, wall, peak float64, err error) {
	c := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, 0, fmt.Errorf("%s: %w: %s", name, err, stderr.String())
	}
	usage, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
	used = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	return used, time.Since(began).Seconds(), float64(usage.Maxrss) / 1024, nil
}

func dissectAll(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		return err
	}
	defer r.Close()
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		d.Dissect(c, &p)
	}
}

// traffic writes frames of connections that are made up but whole.
type traffic struct {
	w      *capture.Writer
	now    time.Time
	number int
	bytes  int
	err    error
}

func writeTraffic(file string) (int, error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	t := &traffic{w: capture.NewPcap(buf, capture.Ethernet), now: time.Unix(1_700_000_000, 0)}
	for i := 0; t.bytes < captureBytes && t.err == nil; i++ {
		t.lookup(i)
		t.page(i)
		if i%3 == 0 {
			t.secure(i)
		}
	}
	return t.number, errors.Join(t.err, buf.Flush(), f.Close())
}

func (t *traffic) frame(i, dir int, proto byte, segment []byte) {
	src, dst := [4]byte{10, 0, byte(i >> 8 % 4), byte(i % 200)}, [4]byte{192, 0, 2, byte(i % 50)}
	if dir == 1 {
		src, dst = dst, src
	}
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0}, byte((20+len(segment))>>8), byte(20+len(segment)), 0, 0, 0x40, 0, 64, proto, 0, 0)
	b = append(append(b, src[:]...), dst[:]...)
	b = append(b, segment...)
	t.number++
	t.now = t.now.Add(20 * time.Microsecond)
	t.bytes += len(b) + 16
	if err := t.w.Write(&capture.Packet{Number: t.number, Time: t.now, Data: b, Length: len(b), Link: capture.Ethernet}); err != nil {
		t.err = err
	}
}

func (t *traffic) lookup(i int) {
	be := binary.BigEndian
	port := uint16(20_000 + i%40_000)
	name := []byte("\x03www\x07example\x03com\x00")
	q := be.AppendUint16(nil, uint16(i))
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	q = append(append(q, name...), 0, 1, 0, 1)
	a := bytes.Clone(q)
	a[2], a[3], a[7] = 0x81, 0x80, 1
	a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, byte(i))
	for dir, body := range [][]byte{q, a} {
		ports := []uint16{port, 53}
		u := be.AppendUint16(nil, ports[dir])
		u = be.AppendUint16(u, ports[1-dir])
		u = be.AppendUint16(u, uint16(8+len(body)))
		t.frame(i, dir, 17, append(append(u, 0, 0), body...))
	}
}

// connection sends texts in turn, in segments, with the handshake and the end.
func (t *traffic) connection(i int, server uint16, says [][]byte) {
	be := binary.BigEndian
	ports := [2]uint16{uint16(20_000 + i%40_000), server}
	seq := [2]uint32{uint32(i) * 7919, uint32(i) * 104729}
	send := func(dir int, flags byte, body []byte) {
		b := be.AppendUint16(nil, ports[dir])
		b = be.AppendUint16(b, ports[1-dir])
		b = be.AppendUint32(b, seq[dir])
		b = be.AppendUint32(b, seq[1-dir])
		b = append(b, 5<<4, flags, 0xff, 0, 0, 0, 0, 0)
		t.frame(i, dir, 6, append(b, body...))
		seq[dir] += uint32(len(body))
		if flags&3 != 0 {
			seq[dir]++
		}
	}
	send(0, 2, nil)
	send(1, 0x12, nil)
	send(0, 0x10, nil)
	for n, text := range says {
		for len(text) > 0 {
			k := min(len(text), 1460)
			send(n%2, 0x18, text[:k])
			text = text[k:]
		}
		send(1-n%2, 0x10, nil)
	}
	send(0, 0x11, nil)
	send(1, 0x11, nil)
	send(0, 0x10, nil)
}

func (t *traffic) page(i int) {
	status, body := "200 OK", bytes.Repeat([]byte("All work and no play. "), 400+i%300)
	if i%100 == 99 {
		status = "503 Service Unavailable"
	}
	ask := fmt.Appendf(nil, "GET /page/%d?q=%d HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench/1.0\r\nAccept: text/html,*/*\r\nAccept-Encoding: gzip\r\nCookie: id=%032d\r\n\r\n", i, i%7, i)
	answer := fmt.Appendf(nil, "HTTP/1.1 %s\r\nServer: bench\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", status, len(body))
	t.connection(i, 80, [][]byte{ask, append(answer, body...), ask, append(answer, body...)})
}

func (t *traffic) secure(i int) {
	hello := append([]byte{22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3}, bytes.Repeat([]byte{byte(i)}, 32)...)
	hello = append(hello, 0, 0, 2, 0x13, 1, 1, 0, 0, 20, 0, 0, 0, 16, 0, 14, 0, 0, 11)
	hello = append(hello, "example.com"...)
	binary.BigEndian.PutUint16(hello[3:], uint16(len(hello)-5))
	hello[8] = byte(len(hello) - 9)
	record := append([]byte{23, 3, 3, 0x20, 0}, bytes.Repeat([]byte{0xa5}, 0x2000)...)
	t.connection(i, 443, [][]byte{hello, record, record[:5+0x2000], record})
}

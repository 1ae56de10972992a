package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/flow"
)

// flowDatagrams of 24 records each are sent to each receiver.
const (
	flowDatagrams = 50_000
	flowRecords   = 24
)

// flows compares the processor time for a record of NetFlow 9 that comes over a
// socket with nfcapd, which also writes it to a file.
func flows(ctx context.Context) error {
	d := flow.NewDecoder(flow.Limits{})
	exporter := netip.MustParseAddr("192.0.2.1")
	template, data := flowTemplate(), flowData()
	n := 0
	read := func(r *flow.Record) {
		if f, ok := r.Flow(); ok && f.Bytes > 0 {
			n++
		}
	}
	if err := d.Decode(exporter, time.Now(), template, read); err != nil {
		return err
	}
	began := time.Now()
	for i := range flowDatagrams {
		binary.BigEndian.PutUint32(data[12:], uint32(i+1))
		if err := d.Decode(exporter, time.Now(), data, read); err != nil {
			return err
		}
	}
	row("mainstay, decoded in memory", float64(n)/time.Since(began).Seconds(), "records/s", 0, "goal: 200,000")
	ours, got, err := flowReceiver(ctx, func(port string) *exec.Cmd {
		self, _ := os.Executable()
		return exec.CommandContext(ctx, self, "-respond", "flows!127.0.0.1:"+port)
	}, template, data)
	if err != nil {
		return err
	}
	row("mainstay, received and decoded", ours, "records/CPU-s", 0, fmt.Sprintf("%.1f %% of what was sent", got*100))
	if _, err := exec.LookPath("nfcapd"); err != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "bench-flows-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	theirs, _, err := flowReceiver(ctx, func(port string) *exec.Cmd {
		return exec.CommandContext(ctx, "nfcapd", "-w", dir, "-p", port, "-b", "127.0.0.1", "-B", "8388608")
	}, template, data)
	if err != nil {
		return err
	}
	row("nfcapd, received, decoded and written;", theirs, "records/CPU-s", ours/theirs, fmt.Sprintf("times; %s kept", kept(ctx, dir)))
	return nil
}

func kept(ctx context.Context, dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "nfcapd.*"))
	if len(files) == 0 {
		return "nothing"
	}
	out, err := exec.CommandContext(ctx, "nfdump", "-R", dir, "-I").Output()
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(line, "Flows: "); ok && err == nil {
			return strings.TrimSpace(v) + " records"
		}
	}
	return "an unknown number"
}

// flowReceiver starts a receiver, sends at a steady rate, and gives records per
// CPU-second of the receiver by what was sent, and the part that it counted.
func flowReceiver(ctx context.Context, start func(port string) *exec.Cmd, template, data []byte) (perCPU, part float64, err error) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	port := strconv.Itoa(l.LocalAddr().(*net.UDPAddr).Port)
	_ = l.Close()
	c := start(port)
	var out strings.Builder
	c.Stdout = &out
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	wait(ctx, time.Second)
	conn, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	before := processCPU(c.Process.Pid)
	began := time.Now()
	for i := range flowDatagrams {
		if i%1000 == 0 { // 10,000 datagrams a second, so that nothing is lost
			if _, err := conn.Write(template); err != nil {
				return 0, 0, err
			}
			wait(ctx, time.Until(began.Add(time.Duration(i)*100*time.Microsecond)))
		}
		binary.BigEndian.PutUint32(data[12:], uint32(i+1))
		if _, err := conn.Write(data); err != nil {
			return 0, 0, err
		}
	}
	wait(ctx, time.Second)
	used := processCPU(c.Process.Pid) - before
	_ = c.Process.Signal(os.Interrupt)
	err = c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, 0, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(out.String()))
	return flowDatagrams * flowRecords / used.Seconds(), float64(n) / (flowDatagrams * flowRecords), nil
}

// receiveFlows is the process that decodes until it is interrupted and prints
// how many records came.
func receiveFlows(ctx context.Context, addr string) {
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		return
	}
	_ = pc.(*net.UDPConn).SetReadBuffer(8 << 20)
	d := flow.NewDecoder(flow.Limits{})
	n := 0
	context.AfterFunc(ctx, func() { _ = pc.Close() })
	buf := make([]byte, 65_536)
	for {
		k, from, err := pc.(*net.UDPConn).ReadFromUDPAddrPort(buf)
		if err != nil {
			fmt.Println(n)
			return
		}
		_ = d.Decode(from.Addr(), time.Now(), buf[:k], func(r *flow.Record) {
			if _, ok := r.Flow(); ok {
				n++
			}
		})
	}
}

// flowFields are number and length of the fields of a usual template.
var flowFields = [][2]uint16{{8, 4}, {12, 4}, {15, 4}, {10, 4}, {14, 4}, {2, 4}, {1, 4}, {22, 4}, {21, 4}, {7, 2}, {11, 2}, {6, 1}, {4, 1}, {5, 1}, {16, 4}, {17, 4}, {9, 1}, {13, 1}, {61, 1}}

func flowHead(count int) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, 9)
	b = be.AppendUint16(b, uint16(count))
	b = be.AppendUint32(b, 100_000)
	b = be.AppendUint32(b, uint32(time.Now().Unix()))
	b = be.AppendUint32(b, 0)
	return be.AppendUint32(b, 1)
}

func flowTemplate() []byte {
	be := binary.BigEndian
	b := append(flowHead(1), 0, 0)
	b = be.AppendUint16(b, uint16(8+4*len(flowFields)))
	b = be.AppendUint16(b, 256)
	b = be.AppendUint16(b, uint16(len(flowFields)))
	for _, f := range flowFields {
		b = be.AppendUint16(b, f[0])
		b = be.AppendUint16(b, f[1])
	}
	return b
}

func flowData() []byte {
	be := binary.BigEndian
	b := be.AppendUint16(flowHead(flowRecords), 256)
	at := len(b)
	b = be.AppendUint16(b, 0)
	for i := range flowRecords {
		for _, f := range flowFields {
			for k := range f[1] {
				b = append(b, byte(uint16(i)*31+f[0]*7+k))
			}
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	be.PutUint16(b[at:], uint16(len(b)-20))
	return b
}

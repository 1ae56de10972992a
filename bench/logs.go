package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// logLines is ten million, or what MAINSTAY_BENCH_LOG_LINES says.
var logLines = func() int {
	if n, err := strconv.Atoi(os.Getenv("MAINSTAY_BENCH_LOG_LINES")); err == nil && n > logBatch {
		return n / logBatch * logBatch
	}
	return 10_000_000
}()

const (
	logBatch   = 5_000
	logSenders = 4
)

// lokiPush packs lines of one stream as Loki's senders do.
func lokiPush(labels string, lines []string, at func(i int) time.Time) []byte {
	field := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	stream := field(nil, 1, []byte(labels))
	for i, l := range lines {
		t := at(i)
		stamp := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(t.Unix()))
		stamp = protowire.AppendVarint(protowire.AppendTag(stamp, 2, protowire.VarintType), uint64(t.Nanosecond()))
		stream = field(stream, 2, field(field(nil, 1, stamp), 2, []byte(l)))
	}
	return snappy.Encode(nil, field(nil, 1, stream))
}

// logText is line n of a made-up shop.
func logText(n int) string {
	switch {
	case n%1000 == 7:
		return fmt.Sprintf("cannot connect to db-%d: connection refused (attempt %d)", n%5, n%7)
	case n%3 == 0:
		return fmt.Sprintf(`10.%d.%d.%d - - [23/Nov/2026:09:00:00 +0000] "GET /api/items/%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"`, n%3, n/7%256, n%256, n%99_991, []int{200, 200, 304, 404}[n%4], n*37%20_000)
	case n%3 == 1:
		return fmt.Sprintf("duration: %d.%03d ms  statement: SELECT * FROM orders WHERE customer_id = %d ORDER BY created_at DESC LIMIT 20", n%500, n%997, n%70_001)
	}
	return fmt.Sprintf("order %d of customer %d placed, %d positions, payment by card", n, n%50_021, n%9)
}

// logs sends lines to Mainstay, waits until the last is stored, and searches them.
func logs(ctx context.Context) error {
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: logSenders}}
	begin := time.Now().Add(-time.Hour)
	work := make(chan int, logSenders)
	failed := make(chan error, logSenders)
	var raw sync.Mutex
	var rawBytes int
	var wg sync.WaitGroup
	cpu := processCPU(s.cmd.Process.Pid)
	start := time.Now()
	for i := range logSenders {
		wg.Go(func() {
			for from := range work {
				lines := make([]string, logBatch)
				size := 0
				for j := range lines {
					lines[j] = logText(from + j)
					size += len(lines[j]) + 1
				}
				body := lokiPush(fmt.Sprintf(`{app="shop",host="web%d"}`, i), lines, func(j int) time.Time {
					return begin.Add(time.Duration(from+j) * time.Hour / time.Duration(logLines))
				})
				raw.Lock()
				rawBytes += size
				raw.Unlock()
				for {
					err := postLogs(ctx, client, s.url+"/ingest/loki/api/v1/push", body)
					if err == nil {
						break
					}
					if !strings.Contains(err.Error(), " 429 ") || ctx.Err() != nil {
						failed <- err
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	for from := 0; from < logLines; from += logBatch {
		select {
		case work <- from:
		case err := <-failed:
			close(work)
			return err
		}
	}
	close(work)
	wg.Wait()
	wall := time.Since(start)
	used := processCPU(s.cmd.Process.Pid) - cpu
	row("lines per second, acknowledged on disk", float64(logLines)/wall.Seconds(), "", float64(logLines)/wall.Seconds()/250_000, "goal: at least 250,000")
	row("lines per CPU-second of the server", float64(logLines)/used.Seconds(), "", 1, "")
	row("resident memory", s.resident(), "MiB", 1, "")
	if err := s.settled(ctx); err != nil {
		return err
	}
	st, err := s.logStatus(ctx)
	if err != nil {
		return err
	}
	if st.Rows != uint64(logLines) {
		return fmt.Errorf("%d lines are stored instead of %d", st.Rows, logLines)
	}
	row("files per byte of text", float64(st.Bytes)/float64(rawBytes)*100, "%", float64(st.Bytes)/float64(rawBytes)/0.15, "goal: at most 15 % for LogHub")
	for _, q := range []string{`* | stats count() as n`, `"connection refused" | stats count() as n`, `customer | stats count() as n`, `_msg:~"attempt [56]" | stats count() as n`} {
		best := time.Duration(1 << 62)
		var answer string
		for range 3 {
			at := time.Now()
			b, err := s.get(ctx, "/api/v1/logs/query?"+url.Values{"query": {q}, "start": {"3h"}}.Encode())
			if err != nil {
				return err
			}
			best, answer = min(best, time.Since(at)), strings.TrimSpace(string(b))
		}
		row(q, best.Seconds()*1000, "ms", best.Seconds(), answer+" (goal: under 1 s)")
	}
	at := time.Now()
	if _, err := s.get(ctx, "/api/v1/logs/query?"+url.Values{"query": {"*"}, "start": {"3h"}, "limit": {"500"}}.Encode()); err != nil {
		return err
	}
	row("the newest 500 lines", time.Since(at).Seconds()*1000, "ms", 1, "")
	return loghub(ctx)
}

func postLogs(ctx context.Context, client *http.Client, to string, b []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %d %.200s", to, res.StatusCode, text)
	}
	return err
}

type logStatus struct {
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes"`
}

func (s *server) logStatus(ctx context.Context) (st logStatus, err error) {
	b, err := s.get(ctx, "/api/v1/logs/status")
	if err == nil {
		err = json.Unmarshal(b, &st)
	}
	return st, err
}

// settled waits until the files do not grow any more.
func (s *server) settled(ctx context.Context) error {
	var last uint64
	for range 30 {
		time.Sleep(4 * time.Second)
		st, err := s.logStatus(ctx)
		if err != nil {
			return err
		}
		if st.Bytes == last {
			return nil
		}
		last = st.Bytes
	}
	return nil
}

// loghub measures the size of the labelled sets, each in a store of its own. The
// folder is that of MAINSTAY_LOGHUB.
func loghub(ctx context.Context) error {
	dir := os.Getenv("MAINSTAY_LOGHUB")
	if dir == "" {
		fmt.Println("  LogHub: not measured, MAINSTAY_LOGHUB does not name a folder with its sets")
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := oneSet(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

func oneSet(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	begin := time.Now().Add(-time.Hour)
	raw, n := 0, 0
	var lines []string
	flush := func() error {
		if len(lines) == 0 {
			return nil
		}
		body := lokiPush(`{app="loghub"}`, lines, func(i int) time.Time { return begin.Add(time.Duration(n+i) * time.Millisecond) })
		n += len(lines)
		lines = lines[:0]
		return postLogs(ctx, http.DefaultClient, s.url+"/ingest/loki/api/v1/push", body)
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		raw += len(sc.Bytes()) + 1
		if lines = append(lines, sc.Text()); len(lines) == logBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	st, err := s.logStatus(ctx)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("%s, %d lines", filepath.Base(file), st.Rows), float64(st.Bytes)/float64(raw)*100, "% of raw", float64(st.Bytes)/float64(raw)/0.15, "goal: at most 15 %")
	return nil
}

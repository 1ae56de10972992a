package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

const (
	writeSeries = 200_000
	writeBatch  = 2_000
	writeRounds = 30
	writeEvery  = 15 * time.Second
	writeAtOnce = 4
)

// writeRound is all series at one moment, as requests of remote write.
func writeRound(round int, at time.Time) ([][]byte, error) {
	var out [][]byte
	var req prompb.WriteRequest
	for i := range writeSeries {
		host := i / 200
		req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
			Labels: []prompb.Label{
				{Name: "__name__", Value: fmt.Sprintf("node_metric_%d_total", i%200)}, {Name: "cluster", Value: "prod"}, {Name: "container", Value: "exporter"},
				{Name: "env", Value: "production"}, {Name: "instance", Value: fmt.Sprintf("10.%d.%d.%d:9100", host/65536, host/256%256, host%256)}, {Name: "job", Value: "node"},
				{Name: "namespace", Value: "monitoring"}, {Name: "pod", Value: fmt.Sprintf("exporter-%d", host)}, {Name: "zone", Value: "eu-1a"},
			},
			Samples: []prompb.Sample{{Timestamp: at.UnixMilli(), Value: math.Floor(float64(round*(i%1000)) * 1.5)}},
		})
		if len(req.Timeseries) == writeBatch || i == writeSeries-1 {
			b, err := req.Marshal()
			if err != nil {
				return nil, err
			}
			out = append(out, snappy.Encode(nil, b))
			req.Timeseries = req.Timeseries[:0]
		}
	}
	return out, nil
}

// taken is how a program took the load.
type taken struct {
	perCPU, perSecond, resident float64
}

// sendRounds sends all rounds to one program.
func sendRounds(ctx context.Context, pid int, url string) (out taken, err error) {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: writeAtOnce}}
	begin := time.Now().Add(-writeRounds * writeEvery)
	var wall, used time.Duration
	for round := range writeRounds {
		reqs, err := writeRound(round, begin.Add(time.Duration(round)*writeEvery))
		if err != nil {
			return out, err
		}
		work := make(chan []byte)
		failed := make(chan error, writeAtOnce)
		start, before := time.Now(), processCPU(pid)
		var wg sync.WaitGroup
		for range writeAtOnce {
			wg.Go(func() {
				for b := range work {
					if err := sendWrite(ctx, client, url, b); err != nil {
						select {
						case failed <- err:
						default:
						}
					}
				}
			})
		}
		for _, b := range reqs {
			work <- b
		}
		close(work)
		wg.Wait()
		select {
		case err := <-failed:
			return out, err
		default:
		}
		// The first round makes the series and is no part of the rate.
		if round > 0 {
			wall += time.Since(start)
			used += processCPU(pid) - before
		}
	}
	n := float64(writeSeries * (writeRounds - 1))
	return taken{n / used.Seconds(), n / wall.Seconds(), residentOf(pid)}, nil
}

func sendWrite(ctx context.Context, client *http.Client, url string, b []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %d %.200s", url, res.StatusCode, text)
	}
	return err
}

func residentOf(pid int) float64 {
	s := server{cmd: &exec.Cmd{Process: &os.Process{Pid: pid}}}
	return s.resident()
}

// remoteWrite gives Mainstay and Prometheus the same samples.
func remoteWrite(ctx context.Context) error {
	peer, err := prometheusWrite(ctx)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	ours, err := sendRounds(ctx, s.cmd.Process.Pid, s.url+"/ingest/prometheus/api/v1/write")
	if err != nil {
		return err
	}
	n, err := s.appended(ctx)
	if err != nil {
		return err
	}
	if n < writeSeries*writeRounds {
		return fmt.Errorf("%.0f samples were stored instead of %d", n, writeSeries*writeRounds)
	}
	row("samples per CPU-second", ours.perCPU, "", ours.perCPU/peer.perCPU, fmt.Sprintf("Prometheus %.0f (goal: at least 1)", peer.perCPU))
	row("samples per second", ours.perSecond, "", ours.perSecond/peer.perSecond, fmt.Sprintf("Prometheus %.0f", peer.perSecond))
	row("resident memory, 200,000 series", ours.resident, "MiB", ours.resident/peer.resident, fmt.Sprintf("Prometheus %.0f (goal: at most 1.2)", peer.resident))
	return nil
}

// appended reads how many samples the store has taken.
func (s *server) appended(ctx context.Context) (n float64, err error) {
	b, err := s.get(ctx, "/metrics")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "mainstay_metric_samples_appended_total "); ok {
			n, err = strconv.ParseFloat(v, 64)
		}
	}
	return n, err
}

// prometheusWrite measures Prometheus as a receiver of remote write.
func prometheusWrite(ctx context.Context) (out taken, err error) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		return out, fmt.Errorf("prometheus is not installed (make deps-bench)")
	}
	dir, err := os.MkdirTemp("", "prometheus-bench-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		return out, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return out, err
	}
	addr := l.Addr().String()
	_ = l.Close()
	c := exec.CommandContext(ctx, bin, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--web.enable-remote-write-receiver", "--log.level=error")
	if err := c.Start(); err != nil {
		return out, err
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	for range 400 {
		res, err := http.Get("http://" + addr + "/-/ready")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	out, err = sendRounds(ctx, c.Process.Pid, "http://"+addr+"/api/v1/write")
	if err != nil && strings.Contains(err.Error(), "connection refused") {
		err = fmt.Errorf("prometheus did not start")
	}
	return out, err
}

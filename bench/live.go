package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const changes = 200

// visibility measures how long after a result was sent its state is seen in the
// live stream. The time of the request that sends it is in it, so it is an upper
// bound for results of the server's own probes.
func (s *server) visibility(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", strings.NewReader("checks: [{name: watched, no_flapping: true, attempts: 1, passive: {}}]")); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/live?topics=checks", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req) //nolint:bodyclose // closed below; the reader ends with it
	if err != nil {
		return err
	}
	defer res.Body.Close()
	type seen struct {
		state string
		at    time.Time
	}
	notes := make(chan seen, 4*changes)
	go func() {
		defer close(notes)
		in := bufio.NewScanner(res.Body)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var n struct {
				Kind, ID string
				Data     struct{ State string }
			}
			data, ok := strings.CutPrefix(in.Text(), "data: ")
			if !ok || json.Unmarshal([]byte(data), &n) != nil || n.Kind != "hello" && (n.ID != "watched" || n.Kind != "changed") {
				continue
			}
			select {
			case notes <- seen{n.Data.State, time.Now()}:
			case <-ctx.Done():
				return
			}
		}
	}()
	if _, ok := <-notes; !ok { // hello: the stream is open
		return fmt.Errorf("the live stream ended")
	}
	took := make([]float64, 0, changes)
	for i := range changes {
		state := []string{"critical", "ok"}[i%2]
		begin := time.Now()
		if _, err := s.do(ctx, http.MethodPost, "/api/v1/checks/watched/result", "application/json", strings.NewReader(fmt.Sprintf(`{"state":%q}`, state))); err != nil {
			return err
		}
		for {
			n, ok := <-notes
			if !ok {
				return fmt.Errorf("the live stream ended")
			}
			if n.state == state {
				took = append(took, float64(n.at.Sub(begin).Microseconds())/1000)
				break
			}
		}
	}
	slices.Sort(took)
	row(fmt.Sprintf("result sent to seen live, p99 of %d", changes), took[changes*99/100], "ms", 0, "(goal: 200)")
	return nil
}

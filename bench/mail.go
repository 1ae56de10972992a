package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const mails = 20

// firstMail measures how long after a result was sent, which makes a check hard
// critical, the mail about it has been handed to the SMTP server. Each time
// another item fails, so that each opens an incident of its own.
func (s *server) firstMail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	got := make(chan time.Time, 100)
	go sink(l, got)
	var ops strings.Builder
	_, port, _ := net.SplitHostPort(l.Addr().String())
	fmt.Fprintf(&ops, "smtp: {host: 127.0.0.1, port: %s, from: bench@example.org, tls: none}\nchannels: [{name: bench-mail, email: {to: [ops@example.org]}}]\nescalations: [{name: bench, steps: [{notify: [{channel: bench-mail}], after: 0s}]}]\npolicies: [{name: default, match: {}, escalation: bench, resolve: auto}]\nitems:\n", port)
	for i := range mails {
		fmt.Fprintf(&ops, "  - {name: mailed-%d, kind: host}\n", i)
	}
	ops.WriteString("checks:\n")
	for i := range mails {
		fmt.Fprintf(&ops, "  - {name: mailed-%d, item: mailed-%d, attempts: 1, passive: {}}\n", i, i)
	}
	if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", strings.NewReader(ops.String())); err != nil {
		return err
	}
	took := make([]float64, 0, mails)
	for i := range mails {
		begin := time.Now()
		if _, err := s.do(ctx, http.MethodPost, fmt.Sprintf("/api/v1/checks/mailed-%d/result", i), "application/json", strings.NewReader(`{"state":"critical"}`)); err != nil {
			return err
		}
		select {
		case at := <-got:
			took = append(took, float64(at.Sub(begin).Milliseconds()))
		case <-time.After(30 * time.Second):
			return fmt.Errorf("no mail came within 30 s")
		}
	}
	slices.Sort(took)
	row(fmt.Sprintf("hard state to the mail handed over, worst of %d", mails), took[mails-1], "ms", 0, "(goal: 2000)")
	return nil
}

// sink is an SMTP server that takes everything and tells when a message is in.
func sink(l net.Listener, got chan<- time.Time) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			say := func(line string) { _, _ = fmt.Fprintf(c, "%s\r\n", line) }
			say("220 sink")
			in := bufio.NewScanner(c)
			data := false
			for in.Scan() {
				line := in.Text()
				switch {
				case data && line == ".":
					data = false
					got <- time.Now()
					say("250 taken")
				case data:
				case strings.HasPrefix(strings.ToUpper(line), "DATA"):
					data = true
					say("354 go on")
				case strings.HasPrefix(strings.ToUpper(line), "QUIT"):
					say("221 bye")
					return
				default:
					say("250 ok")
				}
			}
		}()
	}
}

package host

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// services lists the units of systemd that are services; nil where there is none.
func services(ctx context.Context) []agentwire.Service {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	b := program(ctx, "systemctl", "show", "--type=service", "--all", "--no-pager", "--property=Id,Description,ActiveState,SubState,UnitFileState,LoadState", "*.service")
	if b == nil {
		return nil
	}
	return parseUnits(string(b))
}

// parseUnits reads blocks of NAME=VALUE with an empty line between units.
func parseUnits(s string) []agentwire.Service {
	out := []agentwire.Service{}
	seen := map[string]bool{}
	for block := range strings.SplitSeq(s, "\n\n") {
		v := map[string]string{}
		for l := range strings.SplitSeq(block, "\n") {
			if key, val, ok := strings.Cut(l, "="); ok {
				v[key] = val
			}
		}
		// Units that others mention but that are not installed are none.
		if v["Id"] == "" || v["LoadState"] == "not-found" || seen[v["Id"]] || len(out) >= agentwire.MaxList {
			continue
		}
		seen[v["Id"]] = true
		state := v["ActiveState"]
		if state == "active" && v["SubState"] != "" {
			state = v["SubState"] // running, or exited for those that do their work once
		}
		out = append(out, agentwire.Service{Name: clean(strings.TrimSuffix(v["Id"], ".service"), 200), Title: clean(v["Description"], 200), State: clean(state, 30), Enabled: strings.HasPrefix(v["UnitFileState"], "enabled")})
	}
	return out
}

// smart asks smartctl for the health of a disk. The word says why there is no answer.
func smart(ctx context.Context, name string, d *agentwire.Disk) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	b := program(ctx, "smartctl", "-j", "-i", "-H", "/dev/"+name)
	if b == nil {
		return ""
	}
	return parseSmart(b, d)
}

func parseSmart(b []byte, d *agentwire.Disk) string {
	var s struct {
		Model  string `json:"model_name"`
		Serial string `json:"serial_number"`
		Status *struct {
			Passed bool `json:"passed"`
		} `json:"smart_status"`
		Ctl struct {
			Messages []struct {
				String string `json:"string"`
			} `json:"messages"`
		} `json:"smartctl"`
	}
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	if s.Model != "" {
		d.Model = clean(s.Model, 100)
	}
	if s.Serial != "" {
		d.Serial = clean(s.Serial, 100)
	}
	switch {
	case s.Status != nil && s.Status.Passed:
		return "passed"
	case s.Status != nil:
		return "failed"
	}
	for _, m := range s.Ctl.Messages {
		if strings.Contains(m.String, "Permission denied") {
			return "not permitted"
		}
	}
	return ""
}

// engines are the sockets of container engines, with the API of Docker.
var engines = []string{"/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"}

// containers asks the first engine that answers; nil when there is none or this user
// may not ask it.
func containers(ctx context.Context) []agentwire.Container {
	for _, path := range engines {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if cs, err := containersAt(ctx, path); err == nil {
			return cs
		}
	}
	return nil
}

func containersAt(ctx context.Context, socket string) ([]agentwire.Container, error) {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/containers/json?all=1", nil)
	if err != nil {
		return nil, err
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var in []struct {
		ID, Image, State string
		Names            []string
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxProgramOut)).Decode(&in); err != nil {
		return nil, err
	}
	out := []agentwire.Container{}
	for _, x := range in[:min(len(in), agentwire.MaxList)] {
		name := x.ID[:min(len(x.ID), 12)]
		if len(x.Names) > 0 {
			name = strings.TrimPrefix(x.Names[0], "/")
		}
		out = append(out, agentwire.Container{ID: clean(x.ID, 64), Name: clean(name, 200), Image: clean(x.Image, 300), State: clean(x.State, 30)})
	}
	return out, nil
}

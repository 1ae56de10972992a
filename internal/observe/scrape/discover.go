package scrape

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// refreshEvery is how often files, names and addresses are looked at again.
	refreshEvery = 30 * time.Second
	lookWithin   = 20 * time.Second
	maxList      = 8 << 20
	maxFiles     = 1000
)

// group is targets with labels, as Prometheus' file and HTTP discovery write it.
type group struct {
	Targets []string          `json:"targets" yaml:"targets"`
	Labels  map[string]string `json:"labels" yaml:"labels"`
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// checkPattern refuses what is not a list of targets.
func checkPattern(p string) error {
	switch ext := strings.ToLower(filepath.Ext(p)); {
	case !filepath.IsAbs(p):
		return errors.New("must be an absolute path")
	case ext != ".json" && ext != ".yml" && ext != ".yaml":
		return errors.New("must end with .json, .yml or .yaml")
	case strings.Contains(filepath.Dir(p), "*") || strings.Contains(p, ".."):
		return errors.New("may have * in the last part only, and no ..")
	}
	_, err := filepath.Match(filepath.Base(p), "")
	return err
}

// discover asks all sources of a job. One that fails gives its error; what it said
// before then still holds.
func (j *job) discover(ctx context.Context) ([]group, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	out := []group{{Targets: j.spec.Targets}}
	var failed []error
	keep := func(source string, gs []group, err error) {
		if err != nil {
			failed = append(failed, err)
			gs = j.said[source]
		}
		j.said[source] = gs
		out = append(out, gs...)
	}
	if len(j.spec.Files) > 0 {
		gs, err := fromFiles(j.spec.Files)
		keep("files", gs, err)
	}
	if j.spec.DNS != nil {
		gs, err := fromDNS(ctx, j.spec.DNS)
		keep("dns", gs, err)
	}
	if j.spec.HTTP != nil {
		gs, err := j.fromHTTP(ctx, j.spec.HTTP.URL)
		keep("http", gs, err)
	}
	return out, errors.Join(failed...)
}

func fromFiles(patterns []string) ([]group, error) {
	var out []group
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if len(names) > maxFiles {
			return nil, fmt.Errorf("%s names more than %d files", p, maxFiles)
		}
		for _, n := range names {
			b, err := readFile(n)
			if err != nil {
				return nil, err
			}
			gs, err := parseGroups(b)
			if err != nil {
				// What is in the file is not shown: it may be another one than meant.
				return nil, fmt.Errorf("%s is not a list of targets", n)
			}
			for i := range gs {
				gs[i].Labels = with(gs[i].Labels, "__meta_filepath", n)
			}
			out = append(out, gs...)
		}
	}
	return out, nil
}

func with(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read", name)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err != nil || len(b) > maxList {
		return nil, fmt.Errorf("%s is larger than %d MiB or cannot be read", name, maxList>>20)
	}
	return b, nil
}

// parseGroups reads JSON, which is YAML too.
func parseGroups(b []byte) ([]group, error) {
	var out []group
	if err := json.Unmarshal(b, &out); err == nil {
		return out, nil
	}
	err := yaml.Unmarshal(b, &out)
	return out, err
}

func fromDNS(ctx context.Context, d *DNS) ([]group, error) {
	var out []group
	for _, name := range d.Names {
		g := group{Labels: map[string]string{"__meta_dns_name": name}}
		if d.Type == "SRV" {
			_, rs, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
			if err != nil {
				return nil, fmt.Errorf("the DNS does not tell targets of %s", name)
			}
			for _, r := range rs {
				g.Targets = append(g.Targets, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
			}
		} else {
			network := "ip4"
			if d.Type == "AAAA" {
				network = "ip6"
			}
			ips, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
			if err != nil {
				return nil, fmt.Errorf("the DNS does not tell addresses of %s", name)
			}
			for _, ip := range ips {
				g.Targets = append(g.Targets, net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(d.Port)))
			}
		}
		out = append(out, g)
	}
	return out, nil
}

func (j *job) fromHTTP(ctx context.Context, address string) ([]group, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	j.authorize(req)
	res, err := j.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer", address)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, res.Status)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxList+1))
	if err != nil || len(b) > maxList {
		return nil, fmt.Errorf("the list of %s is larger than %d MiB or breaks off", address, maxList>>20)
	}
	var out []group
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%s does not answer with a list of targets", address)
	}
	for i := range out {
		out[i].Labels = with(out[i].Labels, "__meta_url", address)
	}
	return out, nil
}

func (s *Spec) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS == nil {
		return c, nil
	}
	c.ServerName, c.InsecureSkipVerify = s.TLS.ServerName, s.TLS.Insecure
	if s.TLS.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(s.TLS.CA)) {
			return nil, errors.New("ca must be certificates as PEM")
		}
	}
	if s.TLS.Cert != "" && s.TLS.Key != "" {
		pair, err := tls.X509KeyPair([]byte(s.TLS.Cert), []byte(s.TLS.Key))
		if err != nil {
			return nil, errors.New("cert and key must be a pair as PEM")
		}
		c.Certificates = []tls.Certificate{pair}
	} else if s.TLS.Key != "" {
		return nil, errors.New("a key needs its cert")
	}
	return c, nil
}

package scrape

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// found is a target as the rules leave it.
type found struct {
	url    string
	labels labels.Labels
	// host is that of the instance, for the search of the item.
	host           string
	every, timeout time.Duration
}

// key tells targets apart.
func (f *found) key() string {
	return f.url + "\x00" + f.labels.String() + "\x00" + f.every.String() + f.timeout.String()
}

// offset spreads the reads of many targets over the interval, always in the same way.
func (f *found) offset(every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.url))
	return time.Duration(h.Sum64() % uint64(every))
}

// targets applies the rules to what was discovered. Those that a rule drops are
// left out; what is wrong is the error of the last.
func (s *Spec) targets(groups []group, rules []*relabel.Config) (out []found, err error) {
	seen := map[string]bool{}
	for _, g := range groups {
		for _, address := range g.Targets {
			if len(out) >= maxTargets {
				return out, fmt.Errorf("there are more than %d targets", maxTargets)
			}
			f, keep, bad := s.target(address, g.Labels, rules)
			if bad != nil {
				err = bad
			}
			if !keep || bad != nil || seen[f.key()] {
				continue
			}
			seen[f.key()] = true
			out = append(out, f)
		}
	}
	return out, err
}

func (s *Spec) target(address string, more map[string]string, rules []*relabel.Config) (f found, keep bool, err error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	b.Set("job", s.Name)
	b.Set("__address__", address)
	b.Set("__scheme__", s.Scheme)
	b.Set("__metrics_path__", s.Path)
	b.Set("__scrape_interval__", s.Every.String())
	b.Set("__scrape_timeout__", s.Timeout.String())
	for k, vs := range s.Params {
		if len(vs) > 0 {
			b.Set("__param_"+k, vs[0])
		}
	}
	for k, v := range s.Labels {
		b.Set(k, v)
	}
	for k, v := range more {
		b.Set(k, v)
	}
	if !relabel.ProcessBuilder(b, rules...) {
		return f, false, nil
	}
	if address = b.Get("__address__"); address == "" {
		return f, false, nil
	}
	scheme := b.Get("__scheme__")
	if _, _, err := net.SplitHostPort(address); err != nil {
		port := "80"
		if scheme == "https" {
			port = "443"
		}
		address = net.JoinHostPort(strings.Trim(address, "[]"), port)
	}
	f.every, f.timeout = s.Every.D(), s.Timeout.D()
	if d, err := time.ParseDuration(b.Get("__scrape_interval__")); err == nil && d >= time.Second {
		f.every = d
	}
	if d, err := time.ParseDuration(b.Get("__scrape_timeout__")); err == nil && d > 0 {
		f.timeout = min(d, f.every)
	}
	u := url.URL{Scheme: scheme, Host: address, Path: b.Get("__metrics_path__")}
	q := url.Values{}
	for k, vs := range s.Params {
		q[k] = append([]string(nil), vs...)
	}
	b.Range(func(l labels.Label) {
		if k, ok := strings.CutPrefix(l.Name, "__param_"); ok {
			if vs := q[k]; len(vs) > 0 {
				vs[0] = l.Value
			} else {
				q[k] = []string{l.Value}
			}
		}
	})
	u.RawQuery = q.Encode()
	f.url = u.String()
	if scheme != "http" && scheme != "https" || u.Hostname() == "" {
		return f, false, fmt.Errorf("%s is not an address that can be read", f.url)
	}
	if b.Get("instance") == "" {
		b.Set("instance", address)
	}
	b.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, "__") {
			b.Del(l.Name)
		}
	})
	f.labels = b.Labels()
	f.host = b.Get("instance")
	if h, _, err := net.SplitHostPort(f.host); err == nil {
		f.host = h
	}
	return f, true, nil
}

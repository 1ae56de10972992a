package scrape

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Spec is a job as people write it.
type Spec struct {
	Name    string           `json:"name" yaml:"name" maxLength:"100" doc:"Becomes the label job."`
	Every   observe.Duration `json:"every,omitempty" yaml:"every,omitempty" doc:"Between two reads; 1m if left out, at least 1s."`
	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"10s if left out; at most as long as every."`
	Scheme  string           `json:"scheme,omitempty" yaml:"scheme,omitempty" enum:"http,https" doc:"http if left out."`
	Path    string           `json:"path,omitempty" yaml:"path,omitempty" maxLength:"1000" doc:"/metrics if left out."`
	// Params are added to the address.
	Params map[string][]string `json:"params,omitempty" yaml:"params,omitempty"`
	// Targets, Files, DNS and HTTP say where the targets are.
	Targets []string          `json:"targets,omitempty" yaml:"targets,omitempty" maxItems:"10000" doc:"Addresses with a port: web-1:9100."`
	Labels  map[string]string `json:"labels,omitempty" yaml:"labels,omitempty" doc:"For all series of targets."`
	Files   []string          `json:"files,omitempty" yaml:"files,omitempty" maxItems:"100" doc:"JSON or YAML files in Prometheus' format, with * in the last part."`
	DNS     *DNS              `json:"dns,omitempty" yaml:"dns,omitempty"`
	HTTP    *Catalog          `json:"http,omitempty" yaml:"http,omitempty"`
	// Relabel works on targets before they are read, MetricRelabel on series.
	Relabel       []Rule `json:"relabel,omitempty" yaml:"relabel,omitempty" maxItems:"200"`
	MetricRelabel []Rule `json:"metric_relabel,omitempty" yaml:"metric_relabel,omitempty" maxItems:"200"`
	HonorLabels   bool   `json:"honor_labels,omitempty" yaml:"honor_labels,omitempty" doc:"Labels of the exporter win over those of the target."`
	// IgnoreTimes takes the moment of the read for all values.
	IgnoreTimes bool    `json:"ignore_times,omitempty" yaml:"ignore_times,omitempty"`
	SampleLimit int     `json:"sample_limit,omitempty" yaml:"sample_limit,omitempty" minimum:"0" maximum:"10000000" doc:"A read with more series counts as failed; 0 is no limit."`
	Item        string  `json:"item,omitempty" yaml:"item,omitempty" maxLength:"200" doc:"Name of the item that all targets belong to; without it, the item is found by the host."`
	Basic       *Basic  `json:"basic,omitempty" yaml:"basic,omitempty"`
	Bearer      *Bearer `json:"bearer,omitempty" yaml:"bearer,omitempty"`
	TLS         *TLS    `json:"tls,omitempty" yaml:"tls,omitempty"`
	Paused      bool    `json:"paused,omitempty" yaml:"paused,omitempty"`
}

// DNS finds targets by name.
type DNS struct {
	Names []string `json:"names" yaml:"names" maxItems:"100"`
	Type  string   `json:"type,omitempty" yaml:"type,omitempty" enum:"SRV,A,AAAA" doc:"SRV if left out."`
	Port  int      `json:"port,omitempty" yaml:"port,omitempty" minimum:"0" maximum:"65535" doc:"Of the targets, for A and AAAA."`
}

// Catalog is an address that answers with targets in Prometheus' format.
type Catalog struct {
	URL string `json:"url" yaml:"url" maxLength:"2000"`
}

// Basic authentication; the password is write-only.
type Basic struct {
	User     string `json:"user" yaml:"user" maxLength:"200"`
	Password string `json:"password,omitempty" yaml:"password,omitempty" maxLength:"2000" doc:"Write-only; left out, the one that is there stays."`
}

// Bearer authentication; the secret is write-only.
type Bearer struct {
	Secret string `json:"secret,omitempty" yaml:"secret,omitempty" maxLength:"8000" doc:"Write-only; left out, the one that is there stays."`
}

// TLS of targets.
type TLS struct {
	CA         string `json:"ca,omitempty" yaml:"ca,omitempty" maxLength:"100000" doc:"Certificates to trust, as PEM; left out, those of the system."`
	ServerName string `json:"server_name,omitempty" yaml:"server_name,omitempty" maxLength:"255"`
	Cert       string `json:"cert,omitempty" yaml:"cert,omitempty" maxLength:"100000" doc:"Certificate of the client, as PEM."`
	Key        string `json:"key,omitempty" yaml:"key,omitempty" maxLength:"100000" doc:"Its key, as PEM. Write-only; left out, the one that is there stays."`
	Insecure   bool   `json:"insecure,omitempty" yaml:"insecure,omitempty" doc:"Do not check the certificate."`
}

// Rule changes labels, as in Prometheus.
type Rule struct {
	SourceLabels []string `json:"source_labels,omitempty" yaml:"source_labels,omitempty"`
	Separator    *string  `json:"separator,omitempty" yaml:"separator,omitempty" doc:"; if left out."`
	Regex        string   `json:"regex,omitempty" yaml:"regex,omitempty" doc:"(.*) if left out; it must match the whole."`
	Modulus      uint64   `json:"modulus,omitempty" yaml:"modulus,omitempty"`
	TargetLabel  string   `json:"target_label,omitempty" yaml:"target_label,omitempty"`
	Replacement  *string  `json:"replacement,omitempty" yaml:"replacement,omitempty" doc:"$1 if left out."`
	Action       string   `json:"action,omitempty" yaml:"action,omitempty" doc:"replace if left out; also keep, drop, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase, keepequal, dropequal."`
}

var actions = map[relabel.Action]bool{
	relabel.Replace: true, relabel.Keep: true, relabel.Drop: true, relabel.HashMod: true, relabel.LabelMap: true, relabel.LabelDrop: true,
	relabel.LabelKeep: true, relabel.Lowercase: true, relabel.Uppercase: true, relabel.KeepEqual: true, relabel.DropEqual: true,
}

// config makes the rule of Prometheus.
func (r Rule) config() (*relabel.Config, error) {
	c := relabel.DefaultRelabelConfig
	c.NameValidationScheme = model.LegacyValidation
	for _, l := range r.SourceLabels {
		c.SourceLabels = append(c.SourceLabels, model.LabelName(l))
	}
	if r.Separator != nil {
		c.Separator = *r.Separator
	}
	if r.Replacement != nil {
		c.Replacement = *r.Replacement
	}
	if r.Regex != "" {
		if len(r.Regex) > 10_000 {
			return nil, fmt.Errorf("the regex is too long")
		}
		re, err := relabel.NewRegexp(r.Regex)
		if err != nil {
			return nil, fmt.Errorf("the regex is not right: %w", err)
		}
		c.Regex = re
	}
	if r.Action != "" {
		c.Action = relabel.Action(strings.ToLower(r.Action))
	}
	if !actions[c.Action] {
		return nil, fmt.Errorf("%q is not an action; use replace, keep, drop, labeldrop or another of Prometheus'", r.Action)
	}
	c.Modulus, c.TargetLabel = r.Modulus, r.TargetLabel
	return &c, c.Validate(model.LegacyValidation)
}

func configs(rules []Rule) ([]*relabel.Config, error) {
	out := make([]*relabel.Config, 0, len(rules))
	for _, r := range rules {
		c, err := r.config()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

const (
	defaultEvery   = time.Minute
	defaultTimeout = 10 * time.Second
	maxTargets     = 10_000
)

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,127}$`)

// normal fills in what was left out.
func (s *Spec) normal() {
	s.Name = strings.TrimSpace(s.Name)
	if s.Every == 0 {
		s.Every = observe.Duration(defaultEvery)
	}
	if s.Timeout == 0 {
		s.Timeout = observe.Duration(min(defaultTimeout, s.Every.D()))
	}
	if s.Scheme == "" {
		s.Scheme = "http"
	}
	if s.Path == "" {
		s.Path = "/metrics"
	}
	if s.DNS != nil && s.DNS.Type == "" {
		s.DNS.Type = "SRV"
	}
}

// validate says what is wrong, field by field.
func (s *Spec) validate() error {
	var bad []errs.Field
	add := func(path, value, msg string) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: msg})
	}
	if s.Name == "" || len(s.Name) > 100 {
		add("name", s.Name, "must have 1 to 100 characters")
	}
	if d := s.Every.D(); d < time.Second || d > 24*time.Hour {
		add("every", d.String(), "must be from 1s to 24h")
	}
	if d := s.Timeout.D(); d < 100*time.Millisecond || d > s.Every.D() {
		add("timeout", d.String(), "must be from 100ms to the length of every")
	}
	if s.Scheme != "http" && s.Scheme != "https" {
		add("scheme", s.Scheme, "must be http or https")
	}
	if !strings.HasPrefix(s.Path, "/") {
		add("path", s.Path, "must begin with /")
	}
	if len(s.Targets) == 0 && len(s.Files) == 0 && s.DNS == nil && s.HTTP == nil {
		add("targets", "", "must name at least one target, or files, dns or http must say where they are")
	}
	if len(s.Targets) > maxTargets {
		add("targets", strconv.Itoa(len(s.Targets)), fmt.Sprintf("must be at most %d", maxTargets))
	}
	for i, t := range s.Targets {
		if t == "" || strings.ContainsAny(t, "/ ") || len(t) > 300 {
			add(fmt.Sprintf("targets[%d]", i), t, "must be a host with a port such as web-1:9100")
		}
	}
	for _, n := range sortedKeys(s.Labels) {
		if !labelName.MatchString(n) {
			add("labels."+n, n, "must have letters, digits and _ and not begin with a digit")
		}
	}
	s.validateSources(add)
	s.validateRules(add)
	if s.Basic != nil && s.Bearer != nil {
		add("bearer", "", "cannot stand beside basic")
	}
	if s.Basic != nil && s.Basic.User == "" {
		add("basic.user", "", "must not be empty")
	}
	if s.TLS != nil {
		if _, err := s.tlsConfig(); err != nil {
			add("tls", "", err.Error())
		}
	}
	if s.SampleLimit < 0 {
		add("sample_limit", strconv.Itoa(s.SampleLimit), "must be 0 or more")
	}
	return errs.Fields(bad...)
}

func (s *Spec) validateSources(add func(path, value, msg string)) {
	for i, f := range s.Files {
		if err := checkPattern(f); err != nil {
			add(fmt.Sprintf("files[%d]", i), f, err.Error())
		}
	}
	if d := s.DNS; d != nil {
		if len(d.Names) == 0 || len(d.Names) > 100 {
			add("dns.names", "", "must name 1 to 100 names")
		}
		if d.Type != "SRV" && d.Type != "A" && d.Type != "AAAA" {
			add("dns.type", d.Type, "must be SRV, A or AAAA")
		}
		if d.Type != "SRV" && (d.Port < 1 || d.Port > 65535) {
			add("dns.port", strconv.Itoa(d.Port), "must be a port, because such names tell none")
		}
	}
	if h := s.HTTP; h != nil {
		if u, err := url.Parse(h.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			add("http.url", h.URL, "must be an address such as https://targets.example.org/prometheus")
		}
	}
}

func (s *Spec) validateRules(add func(path, value, msg string)) {
	for path, rules := range map[string][]Rule{"relabel": s.Relabel, "metric_relabel": s.MetricRelabel} {
		if len(rules) > 200 {
			add(path, strconv.Itoa(len(rules)), "must be at most 200 rules")
		}
		for i, r := range rules {
			if _, err := r.config(); err != nil {
				add(fmt.Sprintf("%s[%d]", path, i), "", err.Error())
			}
		}
	}
}

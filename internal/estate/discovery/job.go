package discovery

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Limits and defaults of a job.
const (
	defaultRate     = 200
	maxRate         = 50_000
	defaultVanished = 3
	maxPorts        = 100
	maxCredentials  = 20
)

// What a run does with an address that it found.
const (
	addAll        = "all"
	addIdentified = "identified"
	addNone       = "none"
)

// JobSpec says what a discovery job looks for; it is also its entry in ops.yaml.
type JobSpec struct {
	Name    string   `json:"name,omitempty" yaml:"name" maxLength:"200" doc:"Made of the targets when empty."`
	Targets []string `json:"targets" yaml:"targets" minItems:"1" maxItems:"1000" doc:"Addresses, ranges (10.0.0.1-99), networks (10.0.0.0/24) and names."`
	Exclude []string `json:"exclude,omitempty" yaml:"exclude,omitempty" maxItems:"1000" doc:"What to leave out of the targets."`
	// Credentials are tried in this order.
	Credentials []string  `json:"credentials,omitempty" yaml:"credentials,omitempty" maxItems:"20" doc:"Names of credentials, tried in this order."`
	From        string    `json:"from,omitempty" yaml:"from,omitempty" maxLength:"100" doc:"Name of the edge that looks; the server when absent."`
	Schedule    *Schedule `json:"schedule,omitempty" yaml:"schedule,omitempty" doc:"Absent: only when a person says so."`
	Rate        int       `json:"rate,omitempty" yaml:"rate,omitempty" minimum:"0" maximum:"50000" doc:"Packets per second; 200 when absent."`
	Methods     []string  `json:"methods,omitempty" yaml:"methods,omitempty" enum:"ping,ports,names,snmp" doc:"How to look; all when absent."`
	Ports       []int     `json:"ports,omitempty" yaml:"ports,omitempty" maxItems:"100" doc:"TCP ports to try at hosts that are there; 20 usual ones when absent."`
	// Everything also tries ports and SNMP at addresses that do not answer a ping.
	Everything    bool   `json:"try_silent,omitempty" yaml:"try_silent,omitempty" doc:"Also try ports and SNMP at addresses that do not answer a ping."`
	Add           string `json:"add,omitempty" yaml:"add,omitempty" enum:"all,identified,none" doc:"Which addresses become items by themselves: all, those with a name or read by SNMP (identified, the default), or none."`
	VanishedAfter int    `json:"vanished_after,omitempty" yaml:"vanished_after,omitempty" minimum:"0" maximum:"100" doc:"Runs without an answer until a host counts as vanished; 3 when absent."`
}

// filled gives the spec with its defaults.
func (s JobSpec) filled() JobSpec {
	if s.Rate == 0 {
		s.Rate = defaultRate
	}
	if len(s.Methods) == 0 {
		s.Methods = []string{"ping", "ports", "names", "snmp"}
	}
	if s.has("ports") && len(s.Ports) == 0 {
		s.Ports = sweep.DefaultPorts()
	}
	if s.Add == "" {
		s.Add = addIdentified
	}
	if s.VanishedAfter == 0 {
		s.VanishedAfter = defaultVanished
	}
	return s
}

func (s JobSpec) has(method string) bool { return slices.Contains(s.Methods, method) }

// split cuts entries that hold several targets, as people paste them.
func split(in []string) []string {
	var out []string
	for _, s := range in {
		if parts := sweep.Split(s); len(parts) > 0 {
			out = append(out, parts...)
		}
	}
	return out
}

// check reports every mistake of a spec and gives its targets.
func (s *JobSpec) check() (*sweep.Targets, error) {
	s.Targets, s.Exclude = split(s.Targets), split(s.Exclude)
	var bad []errs.Field
	ts, err := sweep.Parse(s.Targets, s.Exclude, 0)
	if err != nil {
		bad = append(bad, errs.FieldsOf(err)...)
	}
	if s.Name == "" && len(s.Targets) > 0 {
		s.Name = s.Targets[0]
		if n := len(s.Targets) - 1; n > 0 {
			s.Name = fmt.Sprintf("%s +%d", s.Name, n)
		}
	}
	if s.Rate < 0 || s.Rate > maxRate {
		bad = append(bad, errs.Field{Path: "rate", Value: fmt.Sprint(s.Rate), Message: fmt.Sprintf("must be from 1 to %d packets per second", maxRate)})
	}
	if len(s.Ports) > maxPorts {
		bad = append(bad, errs.Field{Path: "ports", Message: fmt.Sprintf("has %d ports; at most %d fit", len(s.Ports), maxPorts)})
	}
	for i, p := range s.Ports {
		if p < 1 || p > 65535 {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("ports[%d]", i), Value: fmt.Sprint(p), Message: "must be from 1 to 65535"})
		}
	}
	for i, m := range s.Methods {
		if !slices.Contains([]string{"ping", "ports", "names", "snmp"}, m) {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("methods[%d]", i), Value: m, Message: "must be ping, ports, names or snmp"})
		}
	}
	f := s.filled()
	switch {
	case !f.has("ping") && !f.has("ports") && !(f.has("snmp") && len(s.Credentials) > 0):
		bad = append(bad, errs.Field{Path: "methods", Value: strings.Join(s.Methods, ", "), Message: "must have ping, ports, or snmp with a credential; else nothing is asked"})
	case s.Add != "" && !slices.Contains([]string{addAll, addIdentified, addNone}, s.Add):
		bad = append(bad, errs.Field{Path: "add", Value: s.Add, Message: "must be all, identified or none"})
	}
	if s.VanishedAfter < 0 || s.VanishedAfter > 100 {
		bad = append(bad, errs.Field{Path: "vanished_after", Value: fmt.Sprint(s.VanishedAfter), Message: "must be from 1 to 100 runs"})
	}
	if len(s.Credentials) > maxCredentials {
		bad = append(bad, errs.Field{Path: "credentials", Message: fmt.Sprintf("has %d entries; at most %d fit", len(s.Credentials), maxCredentials)})
	}
	if s.Schedule != nil {
		bad = append(bad, s.Schedule.check("schedule")...)
	}
	return ts, errs.Fields(bad...)
}

// Estimate says in advance what a job means.
type Estimate struct {
	Addresses int `json:"addresses"`
	// Packets for a network of which nothing answers, and per host that does.
	Packets        int              `json:"packets" doc:"When nothing answers."`
	PerHost        int              `json:"packets_per_host" doc:"More for each host that is there."`
	Least          observe.Duration `json:"least" doc:"Time when nothing answers."`
	Most           observe.Duration `json:"most" doc:"Time when every address answers and has all ports closed without a refusal."`
	FirstAddresses []string         `json:"first_addresses" doc:"The first of them."`
}

// estimate counts: one echo request, a second where there is no answer; one packet
// per port, two questions to the DNS, and two requests per credential.
func (s JobSpec) estimate(ts *sweep.Targets) Estimate {
	f := s.filled()
	n, per, silent := ts.Count(), 0, 0
	if f.has("ping") {
		silent = pingTries
	}
	if f.has("ports") {
		per += len(f.Ports)
	}
	if f.has("names") {
		per += 2
	}
	if f.has("snmp") {
		per += 2 * len(f.Credentials)
	}
	if f.Everything || !f.has("ping") {
		silent += per
	}
	sec := func(packets int) observe.Duration {
		return observe.Duration(time.Duration(float64(packets)/float64(f.Rate)*float64(time.Second)).Round(time.Second) + time.Second)
	}
	return Estimate{Addresses: n, Packets: n * silent, PerHost: per, Least: sec(n * silent), Most: sec(n * max(silent, 1+per)), FirstAddresses: ts.First(5)}
}

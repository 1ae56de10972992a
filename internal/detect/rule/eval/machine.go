package eval

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// State of an instance.
type State string

// An instance is pending until its question was answered for the rule's For.
const (
	Pending State = "pending"
	Firing  State = "firing"
	// Inactive is the state of what is gone; it is only seen in changes.
	Inactive State = "inactive"
)

// Missing says what becomes of instances when their data is gone.
type Missing string

// The policies for missing data.
const (
	MissingOK    Missing = "ok"
	MissingKeep  Missing = "keep"
	MissingAlert Missing = "alert"
)

// Value is one series of an answer, without the name of the metric.
type Value struct {
	Labels map[string]string
	Value  float64
}

// Reading is what the store answered at one moment.
type Reading struct {
	// Active answers the rule's question.
	Active []Value
	// Recovered answers its recovery condition; only asked when there is one.
	Recovered []Value
	// Present is the data that the question is about; only asked when Missing needs it.
	Present []Value
}

// Timing is how a rule weighs its answers.
type Timing struct {
	For, KeepFiring time.Duration
	// Recovers tells that there is a recovery condition.
	Recovers bool
	Missing  Missing
}

// Instance is one series that the rule is about.
type Instance struct {
	Key    string            `json:"key"`
	Labels map[string]string `json:"labels"`
	State  State             `json:"state"`
	// ActiveAt is when the question was first answered, FiredAt when it fired.
	ActiveAt time.Time `json:"active_at"`
	FiredAt  time.Time `json:"fired_at,omitzero"`
	// QuietSince is when the answer went away while it fires; zero while it is there.
	QuietSince time.Time `json:"quiet_since,omitzero"`
	Value      float64   `json:"value"`
	// NoData tells that the instance stands for missing data.
	NoData bool `json:"no_data,omitempty"`
}

// Change is a step from one state to another.
type Change struct {
	Instance Instance
	From, To State
	At       time.Time
	// Why it ended, a sentence; empty for other changes.
	Why string
}

// Key tells a set of labels apart. It is stable over restarts.
func Key(labels map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(k)
		b.WriteByte(1)
		b.WriteString(labels[k])
		b.WriteByte(2)
	}
	return b.String()
}

// noDataKey is the key of the instance for missing data; no label has its name.
const noDataKey = "\x03no data"

// Machine holds the instances of one rule.
type Machine struct {
	Timing    Timing
	Instances map[string]*Instance
}

// NewMachine begins with instances that were kept; nil for none.
func NewMachine(t Timing, kept []Instance) *Machine {
	m := &Machine{Timing: t, Instances: make(map[string]*Instance, len(kept))}
	for _, i := range kept {
		m.Instances[i.Key] = &i
	}
	return m
}

// Step takes what was answered at a moment and gives what changed, ordered by key.
// Moments must not go back.
func (m *Machine) Step(at time.Time, r Reading) []Change {
	var out []Change
	seen := make(map[string]bool, len(r.Active)+1)
	for _, v := range r.Active {
		key := Key(v.Labels)
		if seen[key] {
			continue
		}
		seen[key] = true
		out = m.active(out, key, v, at, false)
	}
	if m.Timing.Missing == MissingAlert && len(r.Present) == 0 {
		seen[noDataKey] = true
		out = m.active(out, noDataKey, Value{Labels: map[string]string{}}, at, true)
	}
	for key, i := range m.Instances {
		if seen[key] {
			continue
		}
		if c, ended := m.quiet(i, at, r); ended {
			delete(m.Instances, key)
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Instance.Key, b.Instance.Key) })
	return out
}

func (m *Machine) active(out []Change, key string, v Value, at time.Time, noData bool) []Change {
	i := m.Instances[key]
	from := Inactive
	if i == nil {
		i = &Instance{Key: key, Labels: v.Labels, State: Pending, ActiveAt: at, NoData: noData}
		m.Instances[key] = i
	} else {
		from = i.State
	}
	i.Value, i.QuietSince = v.Value, time.Time{}
	if i.State == Pending && at.Sub(i.ActiveAt) >= m.Timing.For {
		i.State, i.FiredAt = Firing, at
	}
	if i.State != from {
		out = append(out, Change{Instance: *i, From: from, To: i.State, At: at})
	}
	return out
}

// quiet decides about an instance whose answer is gone.
func (m *Machine) quiet(i *Instance, at time.Time, r Reading) (Change, bool) {
	over := func(why string) (Change, bool) {
		return Change{Instance: *i, From: i.State, To: Inactive, At: at, Why: why}, true
	}
	watched := m.Timing.Missing == MissingKeep || m.Timing.Missing == MissingAlert
	gone := watched && !i.NoData && !matches(r.Present, i.Labels)
	if i.State == Pending {
		if gone && m.Timing.Missing == MissingKeep {
			return Change{}, false
		}
		return over("It did not last.")
	}
	switch {
	case gone:
		return Change{}, false
	case i.NoData:
		return over("There is data again.")
	case m.Timing.Recovers && !matches(r.Recovered, i.Labels):
		return Change{}, false
	}
	if i.QuietSince.IsZero() {
		i.QuietSince = at
	}
	if at.Sub(i.QuietSince) < m.Timing.KeepFiring {
		return Change{}, false
	}
	if m.Timing.Recovers {
		return over("The recovery condition is met.")
	}
	return over("The condition is no longer met.")
}

// matches tells whether one of the values is about the labels: every label that it
// has, they have too. A value without labels is about everything.
func matches(vs []Value, labels map[string]string) bool {
	return slices.ContainsFunc(vs, func(v Value) bool {
		for k, x := range v.Labels {
			if labels[k] != x {
				return false
			}
		}
		return true
	})
}

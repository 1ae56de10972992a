package record

import (
	"fmt"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/access"
)

// State is one state of a kind.
type State struct {
	Name  string
	Title string
	// Open means that somebody still has to do something.
	Open bool
}

// Transition is one row of a state machine.
type Transition struct {
	From []string
	To   string
	// Need is the permission to do it by hand.
	Need access.Permission
}

// Kind declares a kind of record. A module has one for each thing people work on.
type Kind struct {
	// Name is the noun, "incident"; Plural is the word in the API, "incidents".
	Name, Plural, Title string
	// Prefix of the number: "INC" makes INC-1.
	Prefix string
	// URL of a record in the web UI, with one %d for the number.
	URL string
	// States, the first being the initial one.
	States      []State
	Transitions []Transition
	// Read and Write are the permissions for its body, comments and links.
	Read, Write access.Permission
}

// Initial is the state of a new record.
func (k Kind) Initial() string { return k.States[0].Name }

// State finds a state by name.
func (k Kind) State(name string) (State, bool) {
	i := slices.IndexFunc(k.States, func(s State) bool { return s.Name == name })
	if i < 0 {
		return State{}, false
	}
	return k.States[i], true
}

// May tells whether the state machine leads from one state to the other.
func (k Kind) May(from, to string) (Transition, bool) {
	for _, t := range k.Transitions {
		if t.To == to && slices.Contains(t.From, from) {
			return t, true
		}
	}
	return Transition{}, false
}

// Number writes the number of a record as people say it.
func (k Kind) Number(n int64) string { return fmt.Sprintf("%s-%d", k.Prefix, n) }

// Check tells what is wrong with a declaration; app.New refuses to start with it.
func (k Kind) Check() error {
	if k.Name == "" || k.Plural == "" || k.Prefix == "" || k.URL == "" || len(k.States) == 0 || k.Read.Name == "" || k.Write.Name == "" {
		return fmt.Errorf("kind %q is incomplete", k.Name)
	}
	reached := map[string]bool{k.Initial(): true}
	for _, t := range k.Transitions {
		for _, s := range append(slices.Clone(t.From), t.To) {
			if _, ok := k.State(s); !ok {
				return fmt.Errorf("kind %s: transition names the unknown state %q", k.Name, s)
			}
		}
		reached[t.To] = true
	}
	for _, s := range k.States {
		if !reached[s.Name] {
			return fmt.Errorf("kind %s: no transition leads to %s", k.Name, s.Name)
		}
	}
	return nil
}

// Priority is the matrix of impact and urgency, both from 1 (high) to 3 (low):
// 1,1 = 1; 1,2 and 2,1 = 2; 1,3, 2,2 and 3,1 = 3; 2,3 and 3,2 = 4; 3,3 = 5. It is
// the customary matrix of ITIL tools.
func Priority(impact, urgency int) int {
	i, u := min(max(impact, 1), 3), min(max(urgency, 1), 3)
	return i + u - 1
}

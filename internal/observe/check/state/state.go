// Package state is the state machine of one check, as docs/spec/check-states.md
// defines it: a pure function of state, event and time. It has no clock, no
// database and no goroutines.
package state

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Stamp is a moment in nanoseconds since 1970 UTC; zero means never.
type Stamp int64

// At makes a stamp; the zero time gives zero.
func At(t time.Time) Stamp {
	if t.IsZero() {
		return 0
	}
	return Stamp(t.UnixNano())
}

// Time is the moment in UTC; zero gives the zero time.
func (s Stamp) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// Config is what the machine needs to know of a check.
type Config struct {
	// Attempts is how many results in a row must not be ok until the state is
	// hard; below 1 counts as 1.
	Attempts int
	// Freshness is how old the last result may become; zero means without limit.
	Freshness time.Duration
	// Stale is the state taken when Freshness passed without a result.
	Stale observe.Status
	// Volatile makes every result that is not ok hard, and tells it again.
	Volatile bool
	// Flapping switches detection on. It enters above FlapHigh and leaves at or
	// below FlapLow, both in percent, or after FlapWindow without a change.
	Flapping          bool
	FlapHigh, FlapLow float64
	FlapWindow        time.Duration
	// Parents says that the check has parents that can make it unreachable.
	Parents bool
	// ConfirmMax is how long a notice waits for parents or for a fresh result.
	ConfirmMax time.Duration
	// Grace is how long after it is reachable again a result is not yet judged.
	Grace time.Duration
}

// Defaults are the values of a check that sets nothing.
func Defaults() Config {
	return Config{
		Attempts: 3, Stale: observe.Unknown, Flapping: true, FlapHigh: 30, FlapLow: 25,
		FlapWindow: 6 * time.Hour, ConfirmMax: time.Minute, Grace: 10 * time.Second,
	}
}

// Reasons is the set of causes that withhold notices.
type Reasons uint8

// The reasons, see rule 53.
const (
	Unreachable Reasons = 1 << iota
	Downtime
	Acknowledged
	Flapping
	Silenced
	Off
)

var reasonNames = [...]string{"unreachable", "downtime", "acknowledged", "flapping", "silence", "notifications_off"}

// Names lists the reasons in a fixed order; an empty set gives nil.
func (r Reasons) Names() []string {
	var out []string
	for i, n := range reasonNames {
		if r&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// Ack is how the problem is acknowledged.
type Ack uint8

// Kinds of acknowledgement: none, until ok, until the hard state changes.
const (
	NoAck Ack = iota
	AckUntilOK
	AckUntilChange
)

// State is all that is remembered of a check. Its zero value is a check that has
// no result yet. It is a plain value without pointers to anything shared.
type State struct {
	ProblemID string `json:"problem,omitempty"`
	// ToldProblem is the problem that Told belongs to; empty when Told is ok.
	ToldProblem string `json:"told_problem,omitempty"`
	// Since is when the present status began, HardSince when it became hard,
	// FirstBad the first result of this run that was not ok.
	Since     Stamp `json:"since,omitempty"`
	HardSince Stamp `json:"hard_since,omitempty"`
	FirstBad  Stamp `json:"first_bad,omitempty"`
	// ToldSince is the first result that was not ok of ToldProblem.
	ToldSince Stamp `json:"told_since,omitempty"`
	// LastStart orders results; LastAt is when the last one was applied.
	LastStart  Stamp `json:"last_start,omitempty"`
	LastAt     Stamp `json:"last_at,omitempty"`
	LastChange Stamp `json:"last_change,omitempty"`
	// ConfirmBy is until when a notice waits for the parents, FreshAfter the start
	// that a result must have to be judged, FreshBy when the wait for it ends.
	ConfirmBy  Stamp `json:"confirm_by,omitempty"`
	FreshAfter Stamp `json:"fresh_after,omitempty"`
	FreshBy    Stamp `json:"fresh_by,omitempty"`
	// AckUntil is when an acknowledgement ends; zero means it has no end of its own.
	AckUntil Stamp `json:"ack_until,omitempty"`
	// Flaps holds a bit for each of the last 20 results, the newest in bit 0.
	Flaps uint32 `json:"flaps,omitempty"`
	// Why is the set of rules that applied at the last step, see Explain.
	Why      Why            `json:"why,omitempty"`
	Attempt  uint16         `json:"attempt,omitempty"`
	Depth    uint16         `json:"downtime_depth,omitempty"`
	Status   observe.Status `json:"status"`
	HardStat observe.Status `json:"hard_status"`
	// Told is the hard state that people were told last, of ToldProblem.
	Told     observe.Status `json:"told"`
	FlapPrev observe.Status `json:"flap_prev"`
	AckWorst observe.Status `json:"ack_worst,omitempty"`
	Reach    Reach          `json:"reach,omitempty"`
	Reasons  Reasons        `json:"reasons,omitempty"`
	Ack      Ack            `json:"ack,omitempty"`
	Known    bool           `json:"known,omitempty"`
	Hard     bool           `json:"hard,omitempty"`
	// NoData says that the check cannot run at present.
	NoData bool `json:"no_data,omitempty"`
	// FlapTold says that the start of flapping was told.
	FlapTold bool `json:"flap_told,omitempty"`
	// Confirmed says that the parents were found well since FirstBad.
	Confirmed bool `json:"confirmed,omitempty"`
	// Again says that a volatile result is to be told though the state is the same.
	Again bool `json:"again,omitempty"`
	// Noted says that the notice now owed was recorded as withheld.
	Noted bool `json:"noted,omitempty"`
}

// Display is the one word for the screen: pending, unreachable, unknown or the
// measured status.
func Display(s State) string {
	switch {
	case s.Reach != Reachable:
		return "unreachable"
	case s.NoData:
		return observe.Unknown.String()
	case !s.Known:
		return "pending"
	}
	return s.Status.String()
}

// EventKind says what happened.
type EventKind uint8

// The events. Fields of Event that a kind uses are in brackets.
const (
	// Result is a finished execution [Status, Start, NewID].
	Result EventKind = iota
	// Missed says that the freshness limit passed [NewID].
	Missed
	// NoData says that the check cannot run.
	NoData
	// ParentChange brings evaluated edges [Reach, Confirmed].
	ParentChange
	// DowntimeStart and DowntimeEnd change the depth.
	DowntimeStart
	DowntimeEnd
	// AckSet acknowledges the problem ProblemID [ProblemID, Ack, Until].
	AckSet
	AckCleared
	// SilenceOn to NotificationsOn switch those reasons.
	SilenceOn
	SilenceOff
	NotificationsOff
	NotificationsOn
	// ConfigChange says that Config is new.
	ConfigChange
	// Restart says that the program started with this state loaded.
	Restart
	// Tick says that a deadline was reached.
	Tick
	// Removed says that the check is deleted.
	Removed
)

// Event is one thing that happened.
type Event struct {
	// NewID is the id that a problem takes if this event opens one; it must not be
	// empty for Result and Missed.
	NewID     string
	ProblemID string
	Start     time.Time
	Until     time.Time
	Kind      EventKind
	Status    observe.Status
	Reach     Reach
	Ack       Ack
	// Confirmed says that each parent was found well by a result that is younger
	// than the first failure of the child.
	Confirmed bool
}

// EffectKind says what is to be done.
type EffectKind uint8

// The effects, with the fields of Effect they use.
const (
	// StateChanged is a change of what is seen [Hard, From, To, ProblemID, At,
	// Since]. Hard is true only when the hard state moved from From to To. The first
	// result, a soft change and ok after a soft state have Hard false.
	StateChanged EffectKind = iota
	// ProblemOpened and ProblemClosed bound the life of a problem id [ProblemID].
	// Removed closes also a told problem whose recovery was withheld.
	ProblemOpened
	ProblemClosed
	// Notify tells people [Notice, From, To, ProblemID, Replaces, Unconfirmed].
	Notify
	// Withheld records a notice when it begins to be held back, with the fields of
	// that notice and the reasons of that moment [Notice, Reasons].
	Withheld
	// RecheckParents asks for results of parents younger than Since.
	RecheckParents
	// CheckNow asks for an execution that starts at At or later.
	CheckNow
	// Deadline asks for a Tick at At.
	Deadline
)

// Notice is the type of a notification.
type Notice uint8

// Types of notices that the machine gives; others belong to respond.alert.
const (
	Problem Notice = iota + 1
	Recovery
	FlappingStart
	FlappingEnd
)

var noticeNames = [...]string{"", "problem", "recovery", "flapping_start", "flapping_end"}

// String gives the word used in facts.
func (n Notice) String() string { return noticeNames[n] }

// withheldBy is the table of rule 54.
var withheldBy = [...]Reasons{
	Problem:       Unreachable | Downtime | Acknowledged | Flapping | Silenced | Off,
	Recovery:      Unreachable | Flapping | Silenced | Off,
	FlappingStart: Downtime | Silenced | Off,
	FlappingEnd:   Downtime | Silenced | Off,
}

// Effect is one thing to be done, in the order given.
type Effect struct {
	ProblemID string
	// Replaces is the told problem that ended while its recovery was withheld and
	// that people still take for open; this notice stands for both.
	Replaces  string
	At, Since Stamp
	Kind      EffectKind
	Notice    Notice
	From, To  observe.Status
	Reasons   Reasons
	// Hard is set for a change of the hard state and for notices about one.
	Hard        bool
	Unconfirmed bool
	Removed     bool
}

package path

import (
	"fmt"
	"strings"
)

const (
	// A loss below this is told, and not made much of.
	someLoss = 0.005
	// goesOn is which share of the loss at the end a hop must have to be where it begins.
	goesOn = 0.6
	// muchSlower in ms is what a hop must add to be named.
	muchSlower = 15.0
)

// explain writes the notes at hops and the findings.
func explain(r *Report) {
	rows := r.Hops
	for i := range rows {
		rows[i].Note = noteAt(rows, i, r.End.Loss)
	}
	say := func(format string, args ...any) { r.Findings = append(r.Findings, fmt.Sprintf(format, args...)) }
	if r.Rounds == 0 || r.End.Sent == 0 {
		return
	}
	switch r.End.Lost {
	case r.End.Sent:
		say("The target did not answer any of %d probes.", r.End.Sent)
		if i := lastAnswering(rows); i >= 0 {
			say("The last hop that answered is hop %d (%s).", rows[i].TTL, who(rows[i]))
		}
	case 0:
		say("None of %d probes to the target was lost.", r.End.Sent)
	default:
		say("%d of %d probes to the target were lost (%s).", r.End.Lost, r.End.Sent, percent(r.End.Loss))
		if i := lossBegins(rows, r.End.Loss); i >= 0 && r.End.Loss >= someLoss {
			say("The loss begins at hop %d (%s) and goes on from there to the target.", rows[i].TTL, who(rows[i]))
		}
	}
	if r.End.Mean != nil {
		say("The mean round trip is %.1f ms (%.1f to %.1f ms), the jitter %.1f ms, the voice quality (MOS) %.1f.", *r.End.Mean, *r.End.Min, *r.End.Max, *r.End.Jitter, r.MOS)
		if i, added := slowest(rows); i >= 0 {
			say("%.1f ms of it are added before hop %d (%s).", added, rows[i].TTL, who(rows[i]))
		}
	}
	limited := 0
	for _, h := range rows {
		if strings.HasPrefix(h.Note, limits) {
			limited++
		}
	}
	if limited == 1 {
		say("One hop in the middle answers not all probes, while hops behind it do: it limits its answers, which is no fault.")
	} else if limited > 1 {
		say("%d hops in the middle answer not all probes, while hops behind them do: they limit their answers, which is no fault.", limited)
	}
	switch n := len(r.Changes); n {
	case 0:
		say("The route did not change.")
	case 1:
		say("The route changed once: %s.", r.Changes[0].Text)
	default:
		say("The route changed %d times.", n)
	}
}

// limits begins the note at a hop that answers not all probes and loses none.
const limits = "Limits its answers"

// noteAt explains loss at a hop that is none.
func noteAt(rows []HopRow, i int, endLoss float64) string {
	h := rows[i]
	if h.Target || h.Lost == 0 || h.Sent == 0 {
		return ""
	}
	farther := false
	least := endLoss
	for _, x := range rows[i+1:] {
		// A hop that was asked seldom tells little.
		if 2*x.Sent >= h.Sent && x.Lost < x.Sent {
			farther = true
			least = min(least, x.Loss)
		}
	}
	if endLoss < 1 {
		farther = true
	}
	switch {
	case !farther:
		return ""
	case h.Lost == h.Sent:
		return "Does not answer probes. Hops behind it do, so it forwards them; this is no fault."
	case h.Lost >= 3 && h.Loss > least+0.01 && h.Loss > 1.5*least:
		return fmt.Sprintf("%s: %s are missing here and only %s farther on. It forwards all of them; this is no fault.", limits, percent(h.Loss), percent(least))
	}
	return ""
}

// lossBegins is the first hop from which all that answer lose about as much as the end.
func lossBegins(rows []HopRow, endLoss float64) int {
	begin := -1
	for i := len(rows) - 1; i >= 0; i-- {
		h := rows[i]
		if h.Sent == 0 || h.Lost == h.Sent {
			continue // who is silent tells nothing
		}
		if h.Loss < goesOn*endLoss {
			break
		}
		begin = i
	}
	return begin
}

// slowest is the hop before which most time is added that stays until the end.
func slowest(rows []HopRow) (int, float64) {
	at, most := -1, muchSlower
	before := 0.0
	for i, h := range rows {
		if h.Mean == nil {
			continue
		}
		// Later hops that are quicker show that this one only answers slowly.
		stays := *h.Mean
		for _, x := range rows[i+1:] {
			if x.Mean != nil {
				stays = min(stays, *x.Mean)
			}
		}
		if add := stays - before; add > most {
			at, most = i, add
		}
		before = max(before, stays)
	}
	return at, most
}

func lastAnswering(rows []HopRow) int {
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].Sent > rows[i].Lost {
			return i
		}
	}
	return -1
}

func who(h HopRow) string {
	if len(h.Addresses) == 0 {
		return "silent"
	}
	a := h.Addresses[0]
	switch {
	case a.Item != "":
		return a.Item + ", " + a.Address
	case a.Name != "":
		return a.Name + ", " + a.Address
	}
	return a.Address
}

func percent(v float64) string {
	if v > 0 && v < 0.001 {
		return "under 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", v*100)
}

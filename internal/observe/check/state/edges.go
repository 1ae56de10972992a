package state

// Reach tells whether an item can be judged at all.
type Reach uint8

// Reachability; Undetermined means that no parent could be judged.
const (
	Reachable Reach = iota
	NotReachable
	Undetermined
)

// EdgeValue is the value of one edge.
type EdgeValue uint8

// An edge holds, fails, is irrelevant, or its parent is itself unreachable.
const (
	Holds EdgeValue = iota
	Fails
	Irrelevant
	ParentUnreachable
)

// Edge is one evaluated dependency on a parent.
type Edge struct {
	Parent string
	// Group joins redundant edges; empty means the edge is essential.
	Group string
	// Need is how many edges of the group must hold; below 1 counts as 1. The
	// smallest of the relevant edges counts. It is not lowered when fewer edges are
	// relevant: else one more parent, failing, could raise it again (rule 68).
	Need  int
	Value EdgeValue
}

// Reachability joins edges (rules 28 to 36) and names the parents that decided.
// Essential edges and groups are joined by AND; irrelevant edges are left out.
func Reachability(edges []Edge) (Reach, []string) {
	type tally struct{ good, failed, lost, need int }
	out := Reachable
	var why []string
	var groups map[string]*tally
	for _, e := range edges {
		if e.Value == Irrelevant {
			continue
		}
		if e.Group == "" {
			if e.Value != Holds {
				out, why = NotReachable, append(why, e.Parent)
			}
			continue
		}
		if groups == nil {
			groups = map[string]*tally{}
		}
		g := groups[e.Group]
		if g == nil {
			g = &tally{need: max(1, e.Need)}
			groups[e.Group] = g
		}
		g.need = min(g.need, max(1, e.Need))
		switch e.Value {
		case Holds:
			g.good++
		case Fails:
			g.failed++
		default:
			g.lost++
		}
	}
	for _, g := range groups {
		if g.good >= g.need {
			continue
		}
		if g.good+g.failed == 0 && out == Reachable {
			out = Undetermined
		} else if g.good+g.failed > 0 {
			out = NotReachable
		}
	}
	for _, e := range edges {
		if g := groups[e.Group]; e.Group != "" && g != nil && (e.Value == Fails || e.Value == ParentUnreachable) && g.good < g.need {
			why = append(why, e.Parent)
		}
	}
	return out, why
}

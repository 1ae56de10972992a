package state

// Why is a set of rule numbers (below 64) of docs/spec/check-states.md.
type Why uint64

func (w *Why) add(rule uint) { *w |= 1 << rule }

// Rule is one rule that applied.
type Rule struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

var rules = [...]Rule{
	{3, "A problem keeps its id from the first result that is not ok until ok."},
	{5, "Results that are not ok are soft until the number of attempts is reached."},
	{6, "Ok after a soft state tells nobody; ok after a hard state is a recovery."},
	{7, "Another state while hard is a new hard change at once."},
	{8, "The check is volatile: each result that is not ok is hard and told."},
	{10, "A first failure asks for a check of the parents."},
	{11, "The result is not younger than the last one and changes nothing."},
	{14, "No result came inside the freshness limit."},
	{15, "The check cannot run, so its state is unknown."},
	{24, "The check is flapping; problem and recovery are withheld."},
	{25, "Flapping ended; the present state is told if people do not know it."},
	{26, "No result changed for the time limit, so flapping ended."},
	{28, "Reachability was evaluated from the edges to the parents."},
	{37, "The notice waits until the parents are checked."},
	{38, "The parents were not confirmed in time, so the problem is told."},
	{42, "Maintenance windows count by depth; the last one to end counts."},
	{48, "The acknowledgement belongs to this problem and ends with it."},
	{49, "The state became worse than what was acknowledged and is told once."},
	{54, "The notice is withheld for the reasons recorded."},
	{55, "People are told the present state because it differs from what they were told."},
	{56, "The comparison waits for a fresh result."},
	{57, "The notice is about the problem that people were told, which is over."},
	{61, "A restart changes no state; passed deadlines fire once."},
	{63, "A changed configuration takes effect at the next result."},
}

// Explain lists the rules that applied at the last step.
func Explain(s State) []Rule {
	var out []Rule
	for _, r := range rules {
		if s.Why&(1<<r.ID) != 0 {
			out = append(out, r)
		}
	}
	return out
}

package observe

// FromAgent as `from` of a check: it runs on the agent of its item.
const FromAgent = "agent"

// AgentChecks are the types of checks that an agent runs, and nothing else.
func AgentChecks() []string { return []string{"disk", "plugin", "process"} }

// AgentPlace is the name of the place that the agent of an item is. No edge has such a
// name.
func AgentPlace(item string) string { return "agent " + item }

// AgentPlaces reach the agents that run checks.
type AgentPlaces interface {
	// AgentsChanged says that ChecksFor may answer differently for agents from now on. It
	// returns at once.
	AgentsChanged()
	// RunOnAgent asks the agent of a place to run a check soon: with the answer to its
	// next batch. It returns at once.
	RunOnAgent(place, checkID string)
}

package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// configFor gives what the agent is to do, made anew when rules, checks or the agent
// changed.
func (s *Service) configFor(x *session, a *agentRow) (*agentwire.Config, error) {
	gen, who := s.generation.Load(), a.Name+"\x00"+a.Labels
	if x.config != nil && x.generation == gen && x.who == who {
		return x.config, nil
	}
	c := &agentwire.Config{}
	if rules := s.rules.Load(); rules != nil {
		c.Logs = logsFor(*rules, a.Name, labels(a.Labels))
	}
	if s.checks != nil {
		for _, p := range s.checks.ChecksFor(observe.AgentPlace(a.Name)) {
			c.Checks = append(c.Checks, agentwire.Check{
				ID: p.ID, Name: p.Name, Type: p.Type, EveryMS: p.Every.Milliseconds(), RetryMS: p.RetryEvery.Milliseconds(), TimeoutMS: p.Timeout.Milliseconds(),
				Attempts: p.Attempts, Probe: p.Probe,
			})
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	c.Revision = hex.EncodeToString(sum[:12])
	x.config, x.generation, x.who = c, gen, who
	return c, nil
}

// orders completes an answer: what the agent is to do, if it has not the newest, and
// what it is to become.
func (s *Service) orders(x *session, a *agentRow, b *agentwire.Batch, out *agentwire.Answer) error {
	if b.State.Platform == "" {
		return nil // an agent that is older than configurations
	}
	c, err := s.configFor(x, a)
	if err != nil {
		return err
	}
	if b.State.Config != c.Revision {
		out.Config = c
	}
	out.Run = s.runsOf(observe.AgentPlace(a.Name))
	out.Update = s.updateFor(a, b.State)
	return nil
}

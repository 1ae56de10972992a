package agent

import (
	"math"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/agent/host"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// databaseFigures adds what moves of the databases.
func (a *agent) databaseFigures(f *host.Figures) {
	a.mu.Lock()
	dbs := a.databases
	a.mu.Unlock()
	for _, d := range dbs {
		port := strconv.Itoa(d.Port)
		if d.SizeBytes > 0 {
			f.Add("database_size_bytes", float64(d.SizeBytes), "engine", d.Engine, "port", port)
		}
		if d.LagSeconds != nil {
			f.Add("database_replication_lag_seconds", *d.LagSeconds, "engine", d.Engine, "port", port)
		}
	}
}

// slow is what of the databases changes seldom: the rest is in the figures, and would
// be a change of the inventory each minute.
func slow(dbs []agentwire.Database) []agentwire.Database {
	if dbs == nil {
		return nil
	}
	out := make([]agentwire.Database, len(dbs))
	for i, d := range dbs {
		d.LagSeconds = nil
		if n := float64(d.SizeBytes); n > 0 {
			unit := math.Pow(10, math.Floor(math.Log10(n))-1) // two digits
			d.SizeBytes = uint64(math.Round(n/unit) * unit)
		}
		out[i] = d
	}
	return out
}

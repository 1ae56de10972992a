package probekit

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/procrun"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// PluginResult judges the end of a plugin or script: exit codes 0 to 3 are the four
// states, anything else is unknown, as is a run that was killed.
func PluginResult(start time.Time, o procrun.Outcome) observe.Result {
	p := ParsePluginOutput(string(o.Output))
	var r observe.Result
	switch {
	case o.Flooded:
		r = Report(start, observe.Unknown, "The program printed more than %d KiB and was killed with its children. It began: %s", procrun.MaxOutput>>10, Line(p.Line, 200))
	case o.TimedOut:
		r = Report(start, observe.Unknown, "No end within %s: the program was killed with its children. %s", time.Since(start).Round(time.Millisecond), Line(p.Line, 200))
	case o.Signal != 0:
		r = Report(start, observe.Unknown, "The program was ended by signal %d (%s). %s", int(o.Signal), o.Signal, Line(p.Line, 200))
	case o.ExitCode < 0 || o.ExitCode > 3:
		r = Report(start, observe.Unknown, "The program ended with code %d, which is none of 0 to 3. %s", o.ExitCode, Line(p.Line, 200))
	case p.Line == "":
		r = Report(start, observe.Status(o.ExitCode), "(no output, exit code %d)", o.ExitCode)
	default:
		r = observe.Result{Status: observe.Status(o.ExitCode), Output: p.Line, Start: start, Duration: time.Since(start)}
	}
	r.Detail = p.Detail
	if !o.Flooded {
		r.Measures = p.Measures
	}
	return r
}

// Package natslog lets an embedded NATS server write into the log of the program. Nearly
// all that it says is about connections of strangers, so it is for people who look for a
// fault.
package natslog

import (
	"context"
	"fmt"
	"log/slog"
)

// Logger implements server.Logger of NATS.
type Logger struct{ To *slog.Logger }

func (n Logger) say(level slog.Level, format string, v []any) {
	if n.To.Enabled(context.Background(), level) {
		n.To.Log(context.Background(), level, "nats", "text", fmt.Sprintf(format, v...))
	}
}

// Noticef implements server.Logger.
func (n Logger) Noticef(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Warnf implements server.Logger.
func (n Logger) Warnf(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Errorf implements server.Logger.
func (n Logger) Errorf(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Fatalf implements server.Logger.
func (n Logger) Fatalf(format string, v ...any) { n.say(slog.LevelError, format, v) }

// Debugf implements server.Logger.
func (n Logger) Debugf(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Tracef implements server.Logger.
func (n Logger) Tracef(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

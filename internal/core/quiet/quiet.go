// Package quiet keeps what libraries say about their own work out of the log:
// only their warnings and errors are for the person who runs Mainstay.
package quiet

import (
	"context"
	"log/slog"
)

// Logger passes on warnings and errors of l's users.
func Logger(l *slog.Logger) *slog.Logger { return slog.New(handler{l.Handler()}) }

type handler struct{ slog.Handler }

func (h handler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h handler) WithAttrs(a []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(a)} }

func (h handler) WithGroup(n string) slog.Handler { return handler{h.Handler.WithGroup(n)} }

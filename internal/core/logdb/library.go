package logdb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/logger"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// The engine takes its settings from the flags of the standard library and writes its
// log with a logger of its own, both once for the whole program. That is why these
// are here and not in Store.
var (
	libraryOnce sync.Once
	libraryLog  atomic.Pointer[slog.Logger]
)

// memoryOfEngine is the largest amount of memory for caches of the engine and, in
// parts of 20 to 40 %, for the state of one query.
const memoryOfEngine = 1 << 30

// prepareLibrary sets the flags of the engine and sends its log to l. The first
// caller decides about memory, the last one about the log.
func prepareLibrary(l *slog.Logger) {
	libraryLog.Store(l)
	libraryOnce.Do(func() {
		for name, value := range map[string]string{
			"memory.allowedBytes":     strconv.Itoa(min(memoryOfEngine, systemMemory()/4)),
			"loggerLevel":             "INFO",
			"loggerDisableTimestamps": "true",
			"loggerMaxArgLen":         "300",
		} {
			if err := flag.Set(name, value); err != nil {
				l.Error("setting of the log engine is unknown", "name", name, "error", err)
			}
		}
		if !flag.Parsed() {
			// The engine wants them parsed; the flags of this program are not among them.
			if err := flag.CommandLine.Parse(nil); err != nil {
				l.Error("settings of the log engine cannot be read", "error", err)
			}
		}
		logger.SetOutputForTests(logLines{}) // the only way in for another output
	})
}

func systemMemory() int {
	const unknown = 4 << 30
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return unknown
	}
	var kib int
	if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kib); err != nil || kib <= 0 {
		return unknown
	}
	return kib << 10
}

// logLines turns "level<TAB>place<TAB>text" into entries of slog. What the engine
// calls info is of use to its developers only.
type logLines struct{}

func (logLines) Write(p []byte) (int, error) {
	level, rest, _ := strings.Cut(strings.TrimSpace(string(p)), "\t")
	place, text, ok := strings.Cut(rest, "\t")
	if !ok {
		place, text = "", rest
	}
	at := slog.LevelError
	switch level {
	case "info":
		at = slog.LevelDebug
	case "warn":
		at = slog.LevelWarn
	}
	if l := libraryLog.Load(); l != nil {
		l.Log(context.Background(), at, "log engine", "text", text, "place", place)
	}
	return len(p), nil
}

// caught turns a panic of the engine into an error with the sentence.
func caught(err *error, sentence string) {
	p := recover()
	if p == nil {
		return
	}
	cause, ok := p.(error)
	if !ok {
		cause = errors.New(fmt.Sprint(p))
	}
	*err = errs.Wrap(errs.Unavailable, cause, "%s", sentence)
}

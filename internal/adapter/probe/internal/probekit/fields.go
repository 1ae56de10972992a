package probekit

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// FieldChecks collects what is wrong with a configuration.
type FieldChecks struct{ fields []errs.Field }

// Add notes that the value of the field path is wrong; the message says what would
// be right.
func (f *FieldChecks) Add(path string, value any, format string, args ...any) {
	f.fields = append(f.fields, errs.Field{Path: path, Message: fmt.Sprintf(format, args...), Value: Line(fmt.Sprint(value), 120)})
}

// Secret notes a wrong field without showing its value.
func (f *FieldChecks) Secret(path, format string, args ...any) {
	f.fields = append(f.fields, errs.Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Err is nil when nothing is wrong.
func (f *FieldChecks) Err() error { return errs.Fields(f.fields...) }

// Address wants "host:port".
func (f *FieldChecks) Address(path, value string) {
	host, port, err := net.SplitHostPort(value)
	n, perr := strconv.Atoi(port)
	if err != nil || host == "" || perr != nil || n < 1 || n > 65535 || strings.ContainsAny(host, " /\t\n") {
		f.Add(path, value, "must be a host and a port from 1 to 65535, for example \"www.example.org:443\" or \"[2001:db8::1]:443\"")
	}
}

// Required wants a text that is not empty.
func (f *FieldChecks) Required(path, value, example string) {
	if strings.TrimSpace(value) == "" {
		f.Add(path, value, "is needed, for example %q", example)
	}
}

// Regexp wants a regular expression in RE2 syntax, or nothing.
func (f *FieldChecks) Regexp(path, value string) {
	if _, err := regexp.Compile(value); err != nil {
		f.Add(path, value, "must be a regular expression (RE2 syntax): %v", err)
	}
}

// OneOf wants one of the words.
func (f *FieldChecks) OneOf(path, value string, words ...string) {
	for _, w := range words {
		if w == value {
			return
		}
	}
	f.Add(path, value, "must be one of %s", strings.Join(words, ", "))
}

// Between wants lo <= v <= hi.
func (f *FieldChecks) Between(path string, v, lo, hi int) {
	if v < lo || v > hi {
		f.Add(path, v, "must be from %d to %d", lo, hi)
	}
}

// Timeout wants a duration up to 5 minutes; 0 means the default.
func (f *FieldChecks) Timeout(path string, d observe.Duration) {
	if d < 0 || time.Duration(d) > 5*time.Minute {
		f.Add(path, time.Duration(d), "must be a duration up to 5m, for example 5s")
	}
}

// Limits wants two durations where warn comes first; 0 means not set.
func (f *FieldChecks) Limits(warnPath string, warn observe.Duration, critPath string, crit observe.Duration) {
	if warn < 0 {
		f.Add(warnPath, time.Duration(warn), "must not be negative")
	}
	if crit < 0 {
		f.Add(critPath, time.Duration(crit), "must not be negative")
	}
	if warn > 0 && crit > 0 && warn > crit {
		f.Add(warnPath, time.Duration(warn), "must not be above %s, which is %s", critPath, time.Duration(crit))
	}
}

// DaysLimits wants two numbers of days where the warning comes earlier; 0 means not set.
func (f *FieldChecks) DaysLimits(warnPath string, warn int, critPath string, crit int) {
	f.Between(warnPath, warn, 0, 3650)
	f.Between(critPath, crit, 0, 3650)
	if warn > 0 && crit > warn {
		f.Add(critPath, crit, "must not be above %s, which is %d days", warnPath, warn)
	}
}

// WithPort adds port to a host that has none.
func WithPort(address, port string) string {
	address = strings.TrimSpace(address)
	if address == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}

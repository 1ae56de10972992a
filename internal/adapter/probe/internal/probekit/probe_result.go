package probekit

import (
	"crypto/x509"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// MaxDetail is the most bytes Result.Detail may have.
const MaxDetail = 16 << 10

// maxOutput is the most bytes of Result.Output.
const maxOutput = 512

// Report makes a result that began at start and ends now. The output becomes one
// clean line of at most 512 bytes, whatever the target put into it.
func Report(start time.Time, s observe.Status, format string, args ...any) observe.Result {
	return observe.Result{Status: s, Output: Line(fmt.Sprintf(format, args...), maxOutput), Start: start, Duration: time.Since(start)}
}

// Line turns text from outside into one printable line of at most limit bytes; what
// is cut is marked with "...".
func Line(s string, limit int) string {
	cut := len(s) > 4*limit
	if cut {
		s = s[:4*limit]
	}
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) <= limit && !cut {
		return s
	}
	return cutText(s, limit-3) + "..."
}

// Text turns text from outside into valid UTF-8 without control characters other
// than line feed and tab, of at most limit bytes.
func Text(s string, limit int) string {
	if len(s) > limit {
		s = cutText(s, limit)
	}
	s = strings.ToValidUTF8(s, "?")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}

func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Over judges a value against two limits, where a limit of 0 is not set.
func Over[T ~int64 | ~float64](v, warn, crit T) observe.Status {
	switch {
	case crit > 0 && v > crit:
		return observe.Critical
	case warn > 0 && v > warn:
		return observe.Warning
	}
	return observe.OK
}

// Worst gives the status that needs attention first.
func Worst(a observe.Status, more ...observe.Status) observe.Status {
	for _, b := range more {
		if b.Worse(a) {
			a = b
		}
	}
	return a
}

// CertExpiry is the earliest expiry in a certificate chain, zero for none.
func CertExpiry(chain []*x509.Certificate) time.Time {
	var first time.Time
	for _, c := range chain {
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// CertDays judges the expiry of a certificate at now against limits in days, where
// a limit of 0 is not set; an expired certificate is critical. It gives the days
// left, rounded down, and a phrase for people.
func CertDays(notAfter, now time.Time, warn, crit int) (observe.Status, int, string) {
	days := int(math.Floor(notAfter.Sub(now).Hours() / 24))
	date := notAfter.UTC().Format("2006-01-02")
	switch {
	case now.After(notAfter):
		return observe.Critical, days, "certificate expired on " + date
	case crit > 0 && days < crit:
		return observe.Critical, days, fmt.Sprintf("certificate expires in %d days, on %s", days, date)
	case warn > 0 && days < warn:
		return observe.Warning, days, fmt.Sprintf("certificate expires in %d days, on %s", days, date)
	}
	return observe.OK, days, fmt.Sprintf("certificate valid for %d days", days)
}

// Millis writes a duration for the output line, for example "12.3 ms".
func Millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

package logparse

import (
	"strings"
	"time"
)

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

func month(s string) time.Month {
	if len(s) < 3 {
		return 0
	}
	if i := strings.Index(monthNames, s[:3]); i >= 0 && i%3 == 0 {
		return time.Month(i/3 + 1)
	}
	return 0
}

func weekday(s string) bool {
	if len(s) < 4 || s[3] != ' ' && s[3] != ',' {
		return false
	}
	i := strings.Index("MonTueWedThuFriSatSun", s[:3])
	return i >= 0 && i%3 == 0
}

// number reads up to max digits.
func number(s string, max int) (v, n int) {
	for n < len(s) && n < max && isDigit(s[n]) {
		v = v*10 + int(s[n]-'0')
		n++
	}
	return v, n
}

// parseTime reads the time at the start of s and gives its length, 0 if there is none.
// It knows RFC 3339 and its relatives, syslog, ctime, web servers and seconds since 1970.
func parseTime(s string, now time.Time) (time.Time, int) {
	if len(s) < 8 {
		return time.Time{}, 0
	}
	if weekday(s) {
		k := 4
		for k < len(s) && s[k] == ' ' {
			k++
		}
		t, n := parseTime(s[k:], now)
		if n == 0 {
			return t, 0
		}
		return t, n + k
	}
	if m := month(s); m != 0 {
		return named(s, m, now)
	}
	y, n := number(s, 10)
	switch {
	case n == 10 && (len(s) == 10 || !isDigit(s[10])) && y > 9e8:
		f, k := fraction(s[10:], '.')
		return time.Unix(int64(y), f).UTC(), 10 + k
	case n == 4 && len(s) > n && (s[4] == '-' || s[4] == '/' || s[4] == '.'):
		return ymd(s, y, now)
	case n >= 1 && n <= 2 && len(s) > n && (s[n] == '/' || s[n] == '-' || s[n] == '.' || s[n] == ' '):
		return dmy(s, y, n, now)
	case n == 8:
		// 20060102 15:04:05 and 20060102-15:04:05
		if len(s) > 9 && (s[8] == ' ' || s[8] == '-' || s[8] == 'T') {
			if c, k := clockAt(s[9:]); k > 0 {
				return date(y/10000, time.Month(y/100%100), y%100, c, now.Location(), 9+k)
			}
		}
	case n == 6 && len(s) > 8 && s[6] == ' ':
		// 060102 15:04:05, of old MySQL
		if c, k := clockAt(s[7:]); k > 0 {
			return date(2000+y/10000, time.Month(y/100%100), y%100, c, now.Location(), 7+k)
		}
	}
	return time.Time{}, 0
}

func date(y int, m time.Month, d int, c time.Duration, loc *time.Location, n int) (time.Time, int) {
	if m < 1 || m > 12 || d < 1 || d > 31 || y < 1970 || y > 9999 {
		return time.Time{}, 0
	}
	t := time.Date(y, m, d, 0, 0, 0, 0, loc)
	h := int(c / time.Hour)
	return time.Date(y, m, d, h, int(c/time.Minute)%60, int(c/time.Second)%60, int(c%time.Second), t.Location()), n
}

func ymd(s string, y int, now time.Time) (time.Time, int) {
	sep := s[4]
	m, a := number(s[5:], 2)
	i := 5 + a
	if a == 0 {
		if mm := month(s[5:]); mm != 0 {
			m, i, a = int(mm), 8, 3
		}
	}
	if a == 0 || i >= len(s) || s[i] != sep {
		return time.Time{}, 0
	}
	d, b := number(s[i+1:], 2)
	i += 1 + b
	if b == 0 || i >= len(s) {
		return time.Time{}, 0
	}
	if s[i] != 'T' && s[i] != ' ' && s[i] != '-' && s[i] != ':' && s[i] != '\t' {
		return time.Time{}, 0
	}
	c, k := clockAt(s[i+1:])
	if k == 0 {
		return time.Time{}, 0
	}
	i += 1 + k
	loc, z := zone(s[i:], now)
	return date(y, time.Month(m), d, c, loc, i+z)
}

// dmy reads "02/Jan/2006:15:04:05 -0700", "02-Jan-2006 15:04:05.000", "02 Jan 2006 15:04:05",
// "01/02-15:04:05" is not read: nobody can tell day and month apart in it.
func dmy(s string, d, n int, now time.Time) (time.Time, int) {
	sep := s[n]
	m := month(s[n+1:])
	i := n + 4
	if m == 0 {
		if sep != '.' {
			return time.Time{}, 0
		}
		mm, a := number(s[n+1:], 2)
		m, i = time.Month(mm), n+1+a
	}
	if i >= len(s) || s[i] != sep {
		return time.Time{}, 0
	}
	y, a := number(s[i+1:], 4)
	if a != 4 {
		c, k := clockAt(s[i+1:])
		if k > 0 && sep == ' ' { // 02 Jan 15:04:05.000, of Redis before 4
			return guessYear(m, d, c, now), i + 1 + k
		}
		return time.Time{}, 0
	}
	i += 1 + a
	if i >= len(s) || s[i] != ':' && s[i] != ' ' && s[i] != 'T' {
		return time.Time{}, 0
	}
	c, k := clockAt(s[i+1:])
	if k == 0 {
		return time.Time{}, 0
	}
	i += 1 + k
	loc, z := zone(s[i:], now)
	return date(y, m, d, c, loc, i+z)
}

// named reads "Jan  2 15:04:05", with a fraction, a year before or after, or a zone.
func named(s string, m time.Month, now time.Time) (time.Time, int) {
	i := 3
	for i < len(s) && s[i] == ' ' {
		i++
	}
	d, n := number(s[i:], 2)
	i += n
	if n == 0 || i == 3 || d == 0 || d > 31 {
		return time.Time{}, 0
	}
	if i < len(s) && s[i] == ',' {
		i++
	}
	for i < len(s) && s[i] == ' ' {
		i++
	}
	y, a := number(s[i:], 4)
	if a == 4 && i+4 < len(s) && s[i+4] == ' ' {
		i += 5
	} else {
		y = 0
	}
	c, k := clockAt(s[i:])
	if k == 0 {
		return time.Time{}, 0
	}
	i += k
	if y == 0 && i+5 <= len(s) && s[i] == ' ' && (s[i+1] == '1' || s[i+1] == '2') {
		if v, a := number(s[i+1:], 5); a == 4 && v >= 1970 && v < 2200 && (i+5 == len(s) || s[i+5] == ' ' || s[i+5] == ']' || s[i+5] == ':') {
			y, i = v, i+5
		}
	}
	if y == 0 {
		return guessYear(m, d, c, now), i
	}
	return date(y, m, d, c, now.Location(), i)
}

// guessYear takes the year that puts the time at most a day after now.
func guessYear(m time.Month, d int, c time.Duration, now time.Time) time.Time {
	t := time.Date(now.Year(), m, d, int(c/time.Hour), int(c/time.Minute)%60, int(c/time.Second)%60, int(c%time.Second), now.Location())
	if t.After(now.Add(24 * time.Hour)) {
		t = time.Date(now.Year()-1, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
	} else if t.Before(now.AddDate(-1, 0, 1)) {
		t = time.Date(now.Year()+1, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
	}
	return t
}

// clockAt reads "15:04:05" with a fraction.
func clockAt(s string) (time.Duration, int) {
	h, n := number(s, 2)
	if n == 0 || n >= len(s) || s[n] != ':' && s[n] != '.' || h > 23 {
		return 0, 0
	}
	i := n + 1
	m, a := number(s[i:], 2)
	if a != 2 || m > 59 {
		return 0, 0
	}
	i += 2
	if i >= len(s) || s[i] != s[n] {
		return 0, 0
	}
	sec, b := number(s[i+1:], 2)
	if b != 2 || sec > 60 {
		return 0, 0
	}
	i += 3
	f, k := fraction(s[i:], '.')
	if k == 0 {
		f, k = fraction(s[i:], ',')
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second + time.Duration(f), i + k
}

// fraction reads ".123" as nanoseconds.
func fraction(s string, sep byte) (int64, int) {
	if len(s) < 2 || s[0] != sep || !isDigit(s[1]) {
		return 0, 0
	}
	v, unit, i := int64(0), int64(100_000_000), 1
	for i < len(s) && isDigit(s[i]) {
		v += int64(s[i]-'0') * unit
		unit /= 10
		i++
	}
	return v, i
}

// zone reads "Z", "+02:00", " -0700", " UTC"; without one the zone of now counts.
func zone(s string, now time.Time) (*time.Location, int) {
	if strings.HasPrefix(s, "Z") {
		return time.UTC, 1
	}
	i := 0
	if strings.HasPrefix(s, " ") {
		i = 1
	}
	r := s[i:]
	if len(r) >= 3 && (r[0] == '+' || r[0] == '-') {
		h, n := number(r[1:], 2)
		if n != 2 {
			return now.Location(), 0
		}
		k := 3
		if k < len(r) && r[k] == ':' {
			k++
		}
		m, n := number(r[k:], 2)
		if n == 2 {
			k += 2
		} else if i == 1 {
			return now.Location(), 0 // " -12 something" is no zone
		} else {
			m, k = 0, 3
		}
		if h > 14 || m > 59 {
			return now.Location(), 0
		}
		off := h*3600 + m*60
		if r[0] == '-' {
			off = -off
		}
		if off == 0 {
			return time.UTC, i + k
		}
		return time.FixedZone("", off), i + k
	}
	if i == 1 && (strings.HasPrefix(r, "UTC") || strings.HasPrefix(r, "GMT")) && (len(r) == 3 || !isAlpha(r[3])) {
		return time.UTC, 4
	}
	return now.Location(), 0
}

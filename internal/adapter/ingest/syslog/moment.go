package syslog

import (
	"strings"
	"time"
)

// The layouts of times at the beginning of a message, by how many words they have.
var layouts = [6][]string{
	1: {time.RFC3339Nano, "2006-01-02T15:04:05.999999999"},
	2: {"2006-01-02 15:04:05.999999999"},
	3: {"Jan _2 15:04:05.999999999"},
	4: {"Jan _2 15:04:05.999999999 MST", "2006 Jan _2 15:04:05.999999999", "Jan _2 2006 15:04:05.999999999"},
	5: {"2006 Jan _2 15:04:05.999999999 MST", "Jan _2 2006 15:04:05.999999999 MST"},
}

// moment reads the time at the beginning of s. Devices whose clock is not set put a
// star or a dot in front. The longest reading counts: a word behind the time may be
// its zone.
func (p *parser) moment(s string) (at time.Time, rest string, ok bool) {
	t := strings.TrimLeft(s, "*.")
	if len(t) < 15 || t[0] != '2' && (t[0] < 'A' || t[0] > 'S') {
		return at, s, false
	}
	if at, ok := p.usual(t); ok {
		return at, t[15:], true
	}
	rest = s
	for words := 1; words < len(layouts); words++ {
		head, tail, enough := firstWords(t, words)
		if !enough {
			break
		}
		ends := strings.HasSuffix(head, ":")
		head = strings.TrimSuffix(head, ":")
		for _, l := range layouts[words] {
			if strings.HasSuffix(l, "MST") && !ends {
				continue // a host called "WEB" is no zone; Cisco ends the time with a colon
			}
			read, err := time.Parse(l, head)
			if err != nil {
				continue
			}
			at, rest, ok = p.place(read, l, head), tail, true
		}
		if ok && ends {
			break
		}
	}
	return at, rest, ok
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// usual reads "Mar  1 10:00:00 " at once: it is what most programs send.
func (p *parser) usual(s string) (time.Time, bool) {
	if len(s) < 17 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':' || s[15] != ' ' {
		return time.Time{}, false
	}
	// A zone with a colon may follow.
	if word, _, _ := strings.Cut(s[16:], " "); len(word) <= 6 && strings.HasSuffix(word, ":") || strings.HasPrefix(s[16:], "20") {
		return time.Time{}, false
	}
	month := strings.Index(months, s[:3])
	if month < 0 || month%3 != 0 {
		return time.Time{}, false
	}
	two := func(i int) int {
		a, b := s[i], s[i+1]
		if a == ' ' {
			a = '0'
		}
		if a < '0' || a > '9' || b < '0' || b > '9' {
			return 99
		}
		return int(a-'0')*10 + int(b-'0')
	}
	day, h, m, sec := two(4), two(7), two(10), two(13)
	if day < 1 || day > 31 || h > 23 || m > 59 || sec > 60 {
		return time.Time{}, false
	}
	return p.near(time.Date(0, time.Month(month/3+1), day, h, m, sec, 0, time.UTC), p.now.Location()), true
}

// place gives a time without a zone, or with the name of one whose offset is not
// known, that of the server, and one without a year the year.
func (p *parser) place(read time.Time, layout, head string) time.Time {
	if layout == time.RFC3339Nano {
		return read.UTC()
	}
	loc := p.now.Location()
	if strings.HasSuffix(head, " UTC") || strings.HasSuffix(head, " GMT") {
		loc = time.UTC
	}
	if read.Year() == 0 {
		return p.near(read, loc)
	}
	return time.Date(read.Year(), read.Month(), read.Day(), read.Hour(), read.Minute(), read.Second(), read.Nanosecond(), loc).UTC()
}

// near gives the year that brings a time nearest to now and at most a day ahead.
func (p *parser) near(read time.Time, loc *time.Location) time.Time {
	in := func(year int) time.Time {
		return time.Date(year, read.Month(), read.Day(), read.Hour(), read.Minute(), read.Second(), read.Nanosecond(), loc).UTC()
	}
	year := p.now.In(loc).Year()
	for _, y := range [3]int{year + 1, year, year - 1} {
		if t := in(y); t.Sub(p.now) <= 24*time.Hour {
			return t
		}
	}
	return in(year)
}

// firstWords cuts after n words; several spaces count as one between words.
func firstWords(s string, n int) (head, rest string, ok bool) {
	i := 0
	for ; n > 0; n-- {
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i == len(s) {
			return "", "", false
		}
		for i < len(s) && s[i] != ' ' {
			i++
		}
	}
	return s[:i], s[i:], true
}

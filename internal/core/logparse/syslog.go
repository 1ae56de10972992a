package logparse

import (
	"strconv"
	"strings"
	"time"
)

// priority takes "<PRI>" off (RFC 5424 6.2.1: facility times 8 plus severity).
func (p *Parsed) priority(s string) (string, bool) {
	i := strings.IndexByte(s, '>')
	if i < 2 || i > 4 {
		return s, false
	}
	n, ok := atoi(s[1:i])
	if !ok || n > 191 || n < 0 {
		return s, false
	}
	p.add("priority", s[1:i])
	p.add("facility", strconv.Itoa(n/8))
	p.add("severity", strconv.Itoa(n%8))
	p.Level = severities[n%8]
	return s[i+1:], true
}

// syslogRest reads what follows the priority.
func (p *Parsed) syslogRest(s string, now time.Time) {
	p.Message = s
	if strings.HasPrefix(s, "1 ") && p.rfc5424(s[2:], now) {
		return
	}
	// Cisco counts its messages: "<189>123: host: Mar 1 ..: %..."
	if i := strings.Index(s, ": "); i > 0 && i <= 10 && allDigits(s[:i]) {
		p.add("sequence", s[:i])
		s = s[i+2:]
	}
	s = strings.TrimLeft(s, " ")
	t := strings.TrimLeft(s, "*.")
	at, n := parseTime(t, now)
	if n == 0 {
		// A host before the time, as some switches send it.
		w := firstWord(t)
		r := strings.TrimLeft(t[len(w):], " *.")
		if at, n = parseTime(r, now); n > 0 && strings.HasSuffix(w, ":") {
			p.Host, p.Time = strings.TrimSuffix(w, ":"), at
			p.Message = strings.TrimLeft(r[n:], " :")
			p.body(p.Message, now)
			return
		}
		p.Message = s
		if app, pid, rest, ok := splitTag(s); ok {
			p.App, p.PID, p.Message = app, pid, rest
		}
		p.body(p.Message, now)
		return
	}
	p.Time = at
	r := t[n:]
	if strings.HasPrefix(r, ":") { // Cisco: no host of its own
		p.Message = strings.TrimLeft(r, ": ")
		p.body(p.Message, now)
		return
	}
	p.hostTag(strings.TrimLeft(r, " "), now)
}

// hostTag reads "host program[pid]: message".
func (p *Parsed) hostTag(s string, now time.Time) {
	p.Message = s
	w := firstWord(s)
	if w == "-" && len(s) == 1 {
		p.Message = ""
		return
	}
	if strings.HasSuffix(w, ":") || strings.Contains(w, "[") {
		// No host: "program[pid]: message".
		if app, pid, rest, ok := splitTag(s); ok {
			p.App, p.PID, p.Message = app, pid, rest
			p.body(rest, now)
			return
		}
	}
	if hostish(w) {
		p.Host = w
		s = strings.TrimLeft(s[len(w):], " ")
		if s == "" {
			p.Message = s
			return
		}
	}
	p.Message = s
	if app, pid, rest, ok := splitTag(s); ok && app != "CEF" && app != "LEEF" {
		p.App, p.PID, p.Message = app, pid, rest
	}
	p.body(p.Message, now)
}

// splitTag cuts "program[pid]: " off.
func splitTag(s string) (app, pid, rest string, ok bool) {
	s = strings.TrimPrefix(s, "-- ")
	i := 0
	for i < len(s) && i < 96 {
		c := s[i]
		if c == ':' || c == '[' || c == ' ' {
			break
		}
		i++
	}
	if i == 0 || i >= len(s) || s[0] == '%' || s[0] == '{' || s[0] == '"' {
		return "", "", s, false
	}
	app = s[:i]
	j := i
	if s[j] == '[' {
		e := strings.IndexByte(s[j:], ']')
		if e < 2 || e > 24 {
			return "", "", s, false
		}
		pid = s[j+1 : j+e]
		j += e + 1
		if j < len(s) && s[j] == ':' {
			j++
		}
	} else if s[j] == ':' {
		j++
		if j < len(s) && s[j] != ' ' {
			return "", "", s, false
		}
	} else if strings.HasPrefix(s[j:], " [") {
		// "program [pid]: message"
		e := strings.Index(s[j:], "]: ")
		if e < 0 || !allDigits(s[j+2:j+e]) {
			return "", "", s, false
		}
		pid = s[j+2 : j+e]
		j += e + 2
	} else {
		return "", "", s, false
	}
	return app, pid, strings.TrimLeft(s[j:], " "), true
}

// rfc5424 reads TIME HOST APP PROCID MSGID SD MSG.
func (p *Parsed) rfc5424(s string, now time.Time) bool {
	var f [5]string
	for i := range f {
		f[i] = firstWord(s)
		if len(f[i]) == len(s) && i < 4 {
			return false
		}
		s = strings.TrimPrefix(s[len(f[i]):], " ")
	}
	if f[0] != "-" {
		t, n := parseTime(f[0], now)
		if n == 0 {
			return false
		}
		p.Time = t
	}
	nil0 := func(v string) string {
		if v == "-" {
			return ""
		}
		return v
	}
	p.Host, p.App, p.PID = nil0(f[1]), nil0(f[2]), nil0(f[3])
	p.add("msgid", f[4])
	if strings.HasPrefix(s, "-") {
		s = s[1:]
	} else {
		for strings.HasPrefix(s, "[") {
			n := p.structured(s)
			if n == 0 {
				break
			}
			s = s[n:]
		}
	}
	p.Message = strings.TrimPrefix(strings.TrimLeft(s, " "), "\ufeff")
	p.body(p.Message, now)
	return true
}

// structured reads one element [id name="value" ...] and gives its length, 0 if broken.
func (p *Parsed) structured(s string) int {
	i := 1
	for i < len(s) && s[i] != ' ' && s[i] != ']' {
		i++
	}
	id := s[1:i]
	if k := strings.IndexByte(id, '@'); k > 0 {
		id = id[:k]
	}
	for i < len(s) && s[i] == ' ' {
		i++
		k := strings.Index(s[i:], "=\"")
		if k <= 0 || k > 64 {
			return 0
		}
		name := s[i : i+k]
		v, n := quotedAt(s[i+k+1:])
		if n == 0 {
			return 0
		}
		p.add(id+"_"+name, v)
		i += k + 1 + n
	}
	if i >= len(s) || s[i] != ']' {
		return 0
	}
	return i + 1
}

// cisco reads "%FACILITY-SEVERITY-MNEMONIC: text" of IOS, NX-OS and ASA.
func (p *Parsed) cisco(s string, now time.Time) {
	i := strings.Index(s, ": ")
	if i < 0 || i > 64 || strings.IndexByte(s[:i], ' ') >= 0 {
		return
	}
	a := strings.Split(s[1:i], "-")
	if len(a) < 3 {
		return
	}
	sev := a[len(a)-2]
	if len(sev) != 1 || sev[0] < '0' || sev[0] > '7' {
		return
	}
	p.Format = "cisco"
	if a[0] == "ASA" || a[0] == "FTD" || a[0] == "PIX" {
		p.Format = "cisco_asa"
	}
	p.Level = severities[sev[0]-'0']
	p.add("facility_name", strings.Join(a[:len(a)-2], "-"))
	p.add("mnemonic", a[len(a)-1])
	p.Message = s[i+2:]
	if p.App == "" {
		p.App = p.Format
	}
	p.byApp(p.Message, now)
}

// cri reads "TIME stdout F message", as Kubernetes stores lines of containers.
func (p *Parsed) cri(s string, now time.Time) bool {
	i := strings.IndexByte(s, ' ')
	if i < 20 || i > 40 || s[10] != 'T' {
		return false
	}
	r := s[i+1:]
	if !strings.HasPrefix(r, "stdout ") && !strings.HasPrefix(r, "stderr ") || len(r) < 9 || r[7] != 'F' && r[7] != 'P' || r[8] != ' ' {
		return false
	}
	t, n := parseTime(s[:i], now)
	if n != i {
		return false
	}
	p.Time, p.Format = t, "cri"
	p.add("stream", r[:6])
	p.add("logtag", r[7:8])
	p.Message = r[9:]
	if p.Message != "" {
		outer := p.Time
		p.frame(p.Message, now)
		if p.Time.IsZero() {
			p.Time = outer
		}
	}
	return true
}

// klog reads "I0102 15:04:05.000000 1234 file.go:10] message".
func (p *Parsed) klog(s string, now time.Time) bool {
	if len(s) < 30 || !allDigits(s[1:5]) || s[5] != ' ' || s[8] != ':' {
		return false
	}
	l, ok := map[byte]string{'I': "info", 'W': "warning", 'E': "error", 'F': "critical"}[s[0]]
	e := strings.Index(s, "] ")
	if !ok || e < 0 || e > 160 {
		return false
	}
	t, n := clockAt(s[6:])
	if n == 0 {
		return false
	}
	mon, _ := atoi(s[1:3])
	day, _ := atoi(s[3:5])
	if mon < 1 || mon > 12 || day < 1 || day > 31 {
		return false
	}
	p.Time = guessYear(time.Month(mon), day, t, now)
	p.Level, p.Format = l, "klog"
	f := strings.Fields(s[6+n : e])
	if len(f) > 1 {
		p.PID = f[0]
	}
	if len(f) > 0 {
		p.add("source", f[len(f)-1])
	}
	p.Message = s[e+2:]
	if m := p.Message; strings.HasPrefix(m, "\"") {
		if v, k := quotedAt(m); k > 0 {
			p.Message = v
			p.pairs(m[k:], false)
		}
	}
	return true
}

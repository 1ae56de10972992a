package logparse

import (
	"strconv"
	"strings"
	"time"
)

// MaxLine is the longest line that is parsed, in bytes; the rest is cut off.
const MaxLine = 1 << 20

// maxFields is the most fields that one line may give.
const maxFields = 512

// Field is one named part of a line.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Parsed is what a line says.
type Parsed struct {
	// Format that was recognized: "sshd", "nginx_access", "json"; "" when none was.
	Format string
	// Time of the line; zero when it has none. A time without a year gets the year that
	// puts it next to now; a time without a zone gets the zone of now.
	Time time.Time
	// Level: trace, debug, info, notice, warning, error, critical, alert, emergency or "".
	Level string
	// Host, App and PID as the header of the line names them.
	Host string
	App  string
	PID  string
	// Fields of the format, in the order of the line.
	Fields []Field
	// Message is the text without the header.
	Message string
}

// Get gives the value of the field called name, or "".
func (p *Parsed) Get(name string) string {
	for i := range p.Fields {
		if p.Fields[i].Name == name {
			return p.Fields[i].Value
		}
	}
	return ""
}

func (p *Parsed) add(name, value string) {
	if name == "" || value == "" || value == "-" || len(p.Fields) >= maxFields {
		return
	}
	if p.Fields == nil {
		p.Fields = make([]Field, 0, 16)
	}
	p.Fields = append(p.Fields, Field{name, value})
}

// Parse reads one line. Strings in the answer share the memory of line where they can.
func Parse(line string, now time.Time) Parsed {
	if len(line) > MaxLine {
		line = line[:MaxLine]
	}
	line = strings.TrimRight(line, "\r\n \t\x00")
	line = strings.TrimPrefix(line, "\ufeff")
	p := Parsed{Message: line}
	if line == "" {
		return p
	}
	p.frame(line, now)
	if p.Level == "" && p.Format != "" {
		p.Level = levelOfStatus(&p)
	}
	return p
}

// frame takes off the header and hands the rest to body.
func (p *Parsed) frame(s string, now time.Time) {
	c := s[0]
	switch {
	case c == '<':
		if rest, ok := p.priority(s); ok {
			p.Format = "syslog"
			p.syslogRest(rest, now)
			return
		}
	case c == '{':
		if p.json(s, now) {
			return
		}
	case c == '#':
		return
	}
	if isDigit(c) {
		if p.cri(s, now) {
			return
		}
		if t, n := parseTime(s, now); n > 0 && n < len(s) {
			if p.timed(s, t, n, now) {
				return
			}
		}
	} else if isUpper(c) {
		if p.klog(s, now) {
			return
		}
		if t, n := parseTime(s, now); n > 0 {
			// "Jan 02 15:04:05 host program[1]: ..."
			if weekday(s) {
				if p.timed(s, t, n, now) {
					return
				}
			} else {
				p.Time, p.Format = t, "syslog"
				p.hostTag(strings.TrimLeft(s[n:], " "), now)
				return
			}
		}
	}
	p.body(s, now)
}

// timed reads a line that begins with a time and is no access log.
func (p *Parsed) timed(s string, t time.Time, n int, now time.Time) bool {
	if s[n] != ' ' && s[n] != '\t' && s[n] != '|' && s[n] != ':' && s[n] != ',' {
		return false
	}
	if p.free(s, now) {
		return true
	}
	rest := strings.TrimLeft(s[n:], " \t|")
	p.Time = t
	if strings.IndexByte(s[:n], 'T') == 10 && rest != "" {
		// "2006-01-02T15:04:05Z host program[1]: ...", the new form of the old header.
		w := firstWord(rest)
		if tag := strings.TrimLeft(rest[len(w):], " "); level(w) == "" && hostish(w) {
			if _, _, _, ok := splitTag(tag); ok {
				p.Format = "syslog"
				p.hostTag(rest, now)
				return true
			}
			if strings.HasPrefix(tag, "1,") {
				p.Host, p.Format = w, "syslog"
				p.body(tag, now)
				return true
			}
		}
	}
	p.leveled(rest, now)
	return true
}

// leveled reads what follows a time in the logs of most programs: process, thread, level,
// component, message, in any order.
func (p *Parsed) leveled(s string, now time.Time) {
	start := s
	for range 6 {
		s = strings.TrimLeft(s, " \t|")
		if strings.HasPrefix(s, "- ") {
			s = s[2:]
			continue
		}
		if s == "" {
			break
		}
		if s[0] == '[' {
			e := closingBracket(s)
			if e < 0 {
				break
			}
			in := s[1:e]
			if l := level(in); l != "" && p.Level == "" {
				p.Level = l
			} else if n, ok := strings.CutPrefix(in, "pid "); ok {
				p.PID = n
			} else if allDigits(in) && p.PID == "" {
				p.PID = in
			} else if p.Get("thread") == "" {
				p.add("thread", in)
			} else {
				p.add("context", in)
			}
			s = s[e+1:]
			continue
		}
		w := firstWord(s)
		bare := strings.TrimRight(w, ":,")
		if l := level(bare); l != "" && p.Level == "" && (strings.ToUpper(bare) == bare || len(w) != len(bare)) {
			p.Level = l
			s = s[len(w):]
			continue
		}
		if allDigits(bare) && p.PID == "" && p.Level == "" {
			p.PID = bare
			s = s[len(w):]
			continue
		}
		if p.Level != "" && (len(w) != len(bare) || strings.HasPrefix(s[len(w):], " - ")) && strings.ContainsAny(bare, "._$/") && !strings.ContainsAny(bare, "()\"'=") {
			p.add("logger", bare)
			s = strings.TrimLeft(s[len(w):], " ")
		}
		break
	}
	s = strings.TrimLeft(s, " \t")
	s = strings.TrimPrefix(s, "- ")
	if s == "" {
		s = start
	}
	p.Message = s
	if p.Format == "" {
		p.Format = "text"
		if p.Level != "" {
			p.Format = "application"
		}
	}
	p.body(s, now)
}

// body recognizes a message without its header.
func (p *Parsed) body(s string, now time.Time) {
	if s == "" {
		return
	}
	switch s[0] {
	case '{':
		if p.json(s, now) {
			return
		}
	case 'C', 'L', '0', '1':
		if p.cef(s, now) {
			return
		}
	case '@':
		if p.json(strings.TrimPrefix(s, "@cee:"), now) {
			return
		}
	case '%':
		p.cisco(s, now)
		return
	case '*', ':':
		// Cisco's own time before the message: "*Mar 1 18:46:11: %SYS-5-CONFIG_I: ..."
		if i := strings.Index(s, ": %"); i > 0 && i < 48 {
			p.cisco(s[i+2:], now)
			return
		}
	}
	if p.access(s, now) {
		return
	}
	if p.App != "" && p.byApp(s, now) {
		return
	}
	if p.free(s, now) {
		return
	}
	if p.audit(s, now) || p.netfilter(s) || p.logfmt(s, now) {
		return
	}
	if p.Format == "syslog" || p.Format == "cri" {
		if i := strings.Index(s, ": %"); i > 0 && i < 64 {
			p.cisco(s[i+2:], now)
		}
	}
}

func levelOfStatus(p *Parsed) string {
	v := p.Get("status")
	if len(v) != 3 {
		return ""
	}
	switch v[0] {
	case '5':
		return "error"
	case '4':
		return "warning"
	case '1', '2', '3':
		return "info"
	}
	return ""
}

// level gives the common word for a level, "" if w is none.
func level(w string) string {
	if len(w) == 0 || len(w) > 13 {
		return ""
	}
	var b [13]byte
	for i := range len(w) {
		c := w[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	switch string(b[:len(w)]) {
	case "trace", "finest", "finer", "verbose":
		return "trace"
	case "debug", "fine", "dbg", "debug1", "debug2", "debug3", "debug4", "debug5":
		return "debug"
	case "info", "information", "informational", "inf", "log", "statement", "config":
		return "info"
	case "notice", "note", "hint", "detail":
		return "notice"
	case "warn", "warning", "wrn":
		return "warning"
	case "error", "err", "severe", "eror":
		return "error"
	case "crit", "critical", "fatal", "ftl":
		return "critical"
	case "alert":
		return "alert"
	case "emerg", "emergency", "panic":
		return "emergency"
	}
	return ""
}

var severities = [8]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isAlpha(c byte) bool { return isUpper(c) || c >= 'a' && c <= 'z' }

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != "" && len(s) < 12
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i]
	}
	return s
}

func hostish(w string) bool {
	if w == "" || len(w) > 255 {
		return false
	}
	for i := range len(w) {
		c := w[i]
		if !isAlpha(c) && !isDigit(c) && c != '.' && c != '-' && c != '_' && c != ':' && c != '/' {
			return false
		}
	}
	return w[len(w)-1] != ':'
}

func closingBracket(s string) int {
	depth := 0
	for i := 0; i < len(s) && i < 1024; i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func atoi(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}

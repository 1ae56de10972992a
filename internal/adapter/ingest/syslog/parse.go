package syslog

import (
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/logfield"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// facilities by number (RFC 5424, section 6.2.1, with the names of syslog.conf).
var facilities = [24]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

// Parse reads one message in any of the forms that are in use: RFC 5424, RFC 3164
// with its many variants, and Cisco's. What cannot be read stays in the message as it
// came: no text is lost. now gives the year and the zone of times without one.
func Parse(text string, now time.Time) signal.Line {
	text = strings.TrimRight(strings.TrimPrefix(text, "\uFEFF"), "\r\n\x00 ")
	l := signal.Line{Message: text}
	rest, pri, ok := priority(text)
	if !ok {
		return l
	}
	l.Level = logfield.Severity(pri)
	l.Fields = append(l.Fields, signal.Field{Name: "facility", Value: facilities[pri/8]})
	p := &parser{now: now, l: &l}
	if v, after, found := strings.Cut(rest, " "); found && v == "1" && p.modern(after) {
		return p.done()
	}
	p.legacy(rest)
	return p.done()
}

// priority reads "<13>".
func priority(s string) (rest string, pri int, ok bool) {
	if len(s) < 3 || s[0] != '<' {
		return s, 0, false
	}
	end := strings.IndexByte(s[:min(len(s), 5)], '>')
	if end < 2 {
		return s, 0, false
	}
	n, err := strconv.Atoi(s[1:end])
	if err != nil || n < 0 || n > 191 {
		return s, 0, false
	}
	return s[end+1:], n, true
}

type parser struct {
	now       time.Time
	l         *signal.Line
	host, app string
}

func (p *parser) done() signal.Line {
	if p.host != "" {
		p.l.Stream = append(p.l.Stream, signal.Field{Name: "host", Value: p.host})
	}
	if p.app != "" {
		p.l.Stream = append(p.l.Stream, signal.Field{Name: "app", Value: p.app})
	}
	p.l.Hints.Host, p.l.Hints.Service = p.host, p.app
	return *p.l
}

func (p *parser) field(name, value string) {
	if value != "" && value != "-" && len(p.l.Fields) < 200 {
		p.l.Fields = append(p.l.Fields, signal.Field{Name: name, Value: value})
	}
}

// modern reads what follows the version in RFC 5424.
func (p *parser) modern(s string) bool {
	var part [5]string // time, host, app, process, message id
	for i := range part {
		var ok bool
		if part[i], s, ok = strings.Cut(s, " "); !ok || part[i] == "" {
			return false
		}
	}
	if part[0] != "-" {
		at, err := time.Parse(time.RFC3339Nano, part[0])
		if err != nil {
			return false
		}
		p.l.At = at.UTC()
	}
	kept := len(p.l.Fields)
	msg, ok := p.structured(s)
	if !ok {
		p.l.Fields, p.l.At = p.l.Fields[:kept], time.Time{}
		return false
	}
	p.host, p.app = dash(part[1]), dash(part[2])
	p.field("pid", part[3])
	p.field("msgid", part[4])
	p.l.Message = strings.TrimPrefix(msg, "\uFEFF")
	return true
}

func dash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// structured reads the structured data of RFC 5424 (section 6.3) and gives what
// follows.
func (p *parser) structured(s string) (msg string, ok bool) {
	if s == "-" {
		return "", true
	}
	if after, found := strings.CutPrefix(s, "- "); found {
		return after, true
	}
	if !strings.HasPrefix(s, "[") {
		return "", false
	}
	for strings.HasPrefix(s, "[") {
		end := strings.IndexAny(s, " ]")
		if end < 2 {
			return "", false
		}
		id := s[1:end]
		s = s[end:]
		for strings.HasPrefix(s, " ") {
			name, rest, found := strings.Cut(s[1:], `="`)
			if !found || name == "" || strings.ContainsAny(name, ` ]"`) {
				return "", false
			}
			value, rest, closed := quoted(rest)
			if !closed {
				return "", false
			}
			p.field(id+"."+name, value)
			s = rest
		}
		if !strings.HasPrefix(s, "]") {
			return "", false
		}
		s = s[1:]
	}
	return strings.TrimPrefix(s, " "), true
}

// quoted reads a value up to its closing quote; \ stands before ", \ and ].
func quoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`"\]`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// legacy reads RFC 3164 and what is sent in its name.
func (p *parser) legacy(s string) {
	s = strings.TrimLeft(s, " ")
	s = p.sequence(s)
	at, rest, ok := p.moment(s)
	if !ok {
		p.l.Message = s
		p.cisco(s)
		if p.app == "" {
			p.tag(s) // "<13>su: failed" without a time
		}
		return
	}
	p.l.At = at
	rest = strings.TrimLeft(rest, " ")
	// A device that says its name behind the time, and one that does not.
	first, after, more := strings.Cut(rest, " ")
	switch {
	case strings.HasPrefix(rest, ": "):
		rest = rest[2:]
	case more && first != "" && !strings.HasSuffix(first, ":") && !strings.ContainsAny(first, "[%"):
		p.host = first
		rest = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(after, " "), ": "), " ")
	}
	p.l.Message = rest
	if !p.cisco(rest) {
		p.tag(rest)
	}
}

// sequence takes the number off that Cisco devices put in front: "123: ", and the
// name before it: "router1: 000123: ".
func (p *parser) sequence(s string) string {
	for range 3 {
		head, rest, ok := strings.Cut(s, ": ")
		if !ok || head == "" || len(head) > 64 || strings.ContainsAny(head, " %[") {
			if strings.HasPrefix(s, ": ") {
				return s[2:] // NX-OS
			}
			return s
		}
		if strings.Trim(head, "0123456789") == "" {
			if p.host == "" {
				p.field("sequence", head) // counted by what passed the message on, or by the device
			} else {
				p.field("device_sequence", head)
			}
			s = strings.TrimLeft(rest, " ")
			continue
		}
		// A name counts only when a number or a time follows.
		next, _, numbered := strings.Cut(strings.TrimLeft(rest, " "), ": ")
		_, _, timed := p.moment(strings.TrimLeft(rest, " "))
		if !timed && (!numbered || next == "" || strings.Trim(next, "0123456789") != "") {
			return s
		}
		p.host = head
		s = strings.TrimLeft(rest, " ")
	}
	return s
}

// cisco reads "%FACILITY-SEVERITY-MNEMONIC: text".
func (p *parser) cisco(s string) bool {
	if !strings.HasPrefix(s, "%") {
		return false
	}
	code, text, ok := strings.Cut(s[1:], ":")
	if !ok || strings.ContainsAny(code, " ") || strings.Count(code, "-") < 2 || len(code) > 100 {
		return false
	}
	facility, rest, _ := strings.Cut(code, "-")
	mnemonic := rest[strings.LastIndexByte(rest, '-')+1:]
	severity := strings.TrimSuffix(rest, "-"+mnemonic)
	severity = severity[strings.LastIndexByte(severity, '-')+1:]
	if len(severity) == 1 && severity[0] >= '0' && severity[0] <= '7' {
		p.l.Level = logfield.Severity(int(severity[0] - '0'))
	}
	p.app = facility
	p.field("mnemonic", mnemonic)
	p.l.Message = "%" + code + ": " + strings.TrimLeft(text, " ")
	return true
}

// tag reads "program[pid]: text".
func (p *parser) tag(s string) {
	end := strings.IndexAny(s, ":[ ")
	if end <= 0 || end > 64 || s[end] == ' ' {
		return
	}
	app, rest := s[:end], s[end:]
	if rest[0] == '[' {
		pid, after, ok := strings.Cut(rest[1:], "]")
		if !ok || len(pid) > 32 || !strings.HasPrefix(after, ":") {
			return
		}
		p.field("pid", pid)
		rest = after
	}
	if len(rest) > 1 && rest[1] != ' ' {
		return // "10:20" or a URL
	}
	p.app, p.l.Message = app, strings.TrimLeft(rest[1:], " ")
}

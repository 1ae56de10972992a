package logparse

import (
	"strings"
	"time"
)

// access reads the access logs of web servers: common and combined format, with or
// without the name of the site, the port, or more parts behind.
//
//	[host[:port] ]client ident user [02/Jan/2006:15:04:05 -0700] "GET / HTTP/1.1" 200 12 "referrer" "agent" more
func (p *Parsed) access(s string, now time.Time) bool {
	i := strings.Index(s, " [")
	if i <= 0 || i > 300 || len(s) < i+26 || !isDigit(s[i+2]) || s[i+4] != '/' {
		return false
	}
	e := strings.IndexByte(s[i+2:], ']')
	if e < 0 || e > 40 {
		return false
	}
	t, n := parseTime(s[i+2:i+2+e], now)
	if n == 0 {
		return false
	}
	rest := strings.TrimLeft(s[i+3+e:], " ")
	if !strings.HasPrefix(rest, "\"") {
		return false
	}
	head := strings.Fields(s[:i])
	if len(head) < 3 {
		return false
	}
	req, n := quotedAt(rest)
	if n == 0 {
		return false
	}
	rest = strings.TrimLeft(rest[n:], " ")
	st := firstWord(rest)
	if len(st) != 3 || !allDigits(st) {
		return false
	}
	p.Time, p.Format = t, "access"
	// Words before the client: the site and its port, or who passed the line on.
	k := 0
	for i := range min(4, len(head)-2) {
		if ipLike(head[i]) {
			k = i
			break
		}
	}
	for _, w := range head[:k] {
		switch h, port, ok := strings.Cut(w, ":"); {
		case ok && port == "":
			p.App = h
		case p.Get("vhost") == "":
			p.add("vhost", h)
			p.add("dst_port", port)
		}
	}
	head = head[k:]
	client, user := head[0], ""
	if len(head) > 2 {
		if head[1] == "-" && head[2] == "-" && len(head) > 3 {
			head = head[1:] // "client - - user"
		}
		p.add("ident", head[1])
		user = strings.Join(head[2:], " ")
	}
	p.add("src_ip", client)
	p.add("user", user)
	p.request(req)
	p.add("status", st)
	rest = strings.TrimLeft(rest[3:], " ")
	b := firstWord(rest)
	if allDigits(b) || b == "-" {
		p.add("bytes", b)
		rest = strings.TrimLeft(rest[len(b):], " ")
	}
	for _, name := range [...]string{"referrer", "user_agent", "forwarded_for"} {
		v, k := quotedAt(rest)
		if k == 0 {
			break
		}
		p.add(name, v)
		rest = strings.TrimLeft(rest[k:], " ")
	}
	if rest != "" && rest != "-" {
		p.add("extra", rest)
	}
	p.Message = s
	return true
}

func ipLike(s string) bool {
	n, _ := span(kIP, s)
	return n == len(s) && n > 0
}

// request splits "GET /path HTTP/1.1". What is no request stays whole.
func (p *Parsed) request(s string) {
	m, rest, ok := strings.Cut(s, " ")
	if !ok || m == "" || len(m) > 24 || strings.ToUpper(m) != m || !isUpper(m[0]) {
		p.add("request", s)
		return
	}
	p.add("method", m)
	if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
		p.add("path", rest[:i])
		p.add("http_version", rest[i+6:])
		return
	}
	p.add("path", rest)
}

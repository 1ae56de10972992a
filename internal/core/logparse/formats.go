package logparse

import (
	"strings"
	"time"
)

// cef reads "CEF:0|vendor|product|version|id|name|severity|key=value ..." and LEEF.
func (p *Parsed) cef(s string, now time.Time) bool {
	kind, head := "cef", s
	switch {
	case strings.HasPrefix(s, "CEF:"):
		head = strings.TrimLeft(s[4:], " ")
	case strings.HasPrefix(s, "LEEF:"):
		kind, head = "leef", strings.TrimLeft(s[5:], " ")
	case strings.HasPrefix(s, "0|"), strings.HasPrefix(s, "1|"):
	default:
		return false
	}
	n := 7
	if kind == "leef" {
		n = 5
	}
	parts := make([]string, 0, 8)
	for len(parts) < n {
		i := bar(head)
		if i < 0 {
			return false
		}
		parts = append(parts, strings.ReplaceAll(strings.ReplaceAll(head[:i], `\|`, "|"), `\\`, `\`))
		head = head[i+1:]
	}
	p.Format, p.Message = kind, s
	for i, name := range []string{"version", "device_vendor", "device_product", "device_version", "event_id", "event_name", "event_severity"}[:n] {
		p.add(name, parts[i])
	}
	if kind == "leef" {
		p.leef(parts[0], head, now)
		p.normalize()
		return true
	}
	if v, ok := atoi(parts[6]); ok {
		p.Level = "info"
		switch {
		case v >= 9:
			p.Level = "critical"
		case v >= 7:
			p.Level = "error"
		case v >= 4:
			p.Level = "warning"
		}
	}
	p.Message = parts[5]
	p.extension(head, now)
	p.normalize()
	return true
}

// bar finds the next "|" without a backslash before it.
func bar(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '|':
			return i
		}
	}
	return -1
}

// extension reads the pairs of CEF; values may hold blanks and end before the next key.
func (p *Parsed) extension(s string, now time.Time) {
	for s != "" {
		i := strings.IndexByte(s, '=')
		if i <= 0 {
			return
		}
		key := strings.TrimLeft(s[:i], " ")
		s = s[i+1:]
		end := len(s)
		for j := 0; j < len(s); j++ {
			if s[j] == '\\' {
				j++
				continue
			}
			if s[j] != '=' {
				continue
			}
			if k := strings.LastIndexByte(s[:j], ' '); k >= 0 && validName(s[k+1:j]) {
				end = k
				break
			}
		}
		v := strings.TrimRight(s[:end], " ")
		v = strings.ReplaceAll(strings.ReplaceAll(v, `\=`, "="), `\\`, `\`)
		if key == "rt" || key == "UNIFIutcTime" || key == "end" {
			if t, n := parseTime(v, now); n > 0 && p.Time.IsZero() {
				p.Time = t
			} else if p.Time.IsZero() {
				p.known("time", v, now)
			}
		}
		if validName(key) {
			p.add(key, v)
		}
		if end >= len(s) {
			return
		}
		s = s[end:]
	}
}

func (p *Parsed) leef(version, s string, now time.Time) {
	sep := "\t"
	if strings.HasPrefix(version, "2") {
		if i := strings.IndexByte(s, '|'); i >= 0 && i <= 6 {
			if i == 1 {
				sep = s[:1]
			}
			s = s[i+1:]
		}
	}
	for kv := range strings.SplitSeq(s, sep) {
		k, v, ok := strings.Cut(kv, "=")
		if ok && validName(k) && !p.known(k, v, now) {
			p.add(k, v)
		}
	}
}

// audit reads "type=SYSCALL msg=audit(1684331782.575:3293): key=value ...".
func (p *Parsed) audit(s string, now time.Time) bool {
	i := strings.Index(s, "audit(")
	if i < 0 || i > 96 {
		return false
	}
	t, n := parseTime(s[i+6:], now)
	e := strings.Index(s[i:], "): ")
	if n == 0 || e < 0 {
		if e = strings.IndexByte(s[i:], ')'); n == 0 || e < 0 {
			return false
		}
	}
	p.Time, p.Format, p.App = t, "auditd", "auditd"
	in := s[i+6 : i+e]
	if _, serial, ok := strings.Cut(in, ":"); ok {
		p.add("serial", serial)
	}
	if k := strings.Index(s[:i], "type="); k >= 0 {
		p.add("type", firstWord(s[k+5:]))
	}
	rest := strings.ReplaceAll(s[min(len(s), i+e+1):], "\x1d", " ")
	p.pairs(strings.TrimLeft(rest, ": "), false)
	if p.PID == "" {
		p.PID = p.Get("pid")
	}
	return true
}

// netfilter reads "IN=eth0 OUT= MAC=.. SRC=.. DST=.. PROTO=TCP SPT=1 DPT=2 SYN" of
// iptables, nftables, ufw and firewalls made of them.
func (p *Parsed) netfilter(s string) bool {
	i := strings.Index(s, "IN=")
	if o := strings.Index(s, "OUT="); o >= 0 && (i < 0 || o < i) {
		i = o
	}
	if i < 0 || i > 200 || !strings.Contains(s, " SRC=") || !strings.Contains(s, " DST=") {
		return false
	}
	p.Format = "netfilter"
	prefix := strings.TrimSpace(s[:i])
	// The kernel's own time stands in front: "[12345.678] [UFW BLOCK] IN=...".
	if strings.HasPrefix(prefix, "[") {
		if e := strings.IndexByte(prefix, ']'); e > 0 && isDigit(strings.TrimLeft(prefix[1:e], " ")[0:1][0]) {
			p.add("uptime", strings.TrimSpace(prefix[1:e]))
			prefix = strings.TrimSpace(prefix[e+1:])
		}
	}
	p.add("prefix", strings.Trim(prefix, "[]: "))
	up := strings.ToUpper(prefix)
	for _, a := range [...]string{"BLOCK", "DROP", "REJECT", "DENY", "ALLOW", "ACCEPT", "AUDIT"} {
		if strings.Contains(up, a) {
			p.add("action", strings.ToLower(a))
			break
		}
	}
	flags := ""
	for w := range strings.FieldsSeq(s[i:]) {
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			switch k {
			case "SYN", "ACK", "FIN", "RST", "PSH", "URG":
				flags = strings.TrimLeft(flags+" "+k, " ")
			}
			continue
		}
		name := strings.ToLower(k)
		switch k {
		case "IN":
			name = "in_interface"
		case "OUT":
			name = "out_interface"
		case "SRC":
			name = "src_ip"
		case "DST":
			name = "dst_ip"
		case "SPT":
			name = "src_port"
		case "DPT":
			name = "dst_port"
		case "PROTO":
			name = "protocol"
		case "MAC":
			if len(v) >= 35 {
				p.add("dst_mac", v[:17])
				p.add("src_mac", v[18:35])
			}
		}
		if validName(name) {
			p.add(name, v)
		}
	}
	p.add("tcp_flags", flags)
	return true
}

// normalize adds common names beside the names that JSON, CEF and LEEF logs use.
func (p *Parsed) normalize() {
	n := len(p.Fields)
	for i := range n {
		f := p.Fields[i]
		to := aliases[f.Name]
		if to == "" || p.Get(to) != "" {
			continue
		}
		v := f.Value
		if to == "src_ip" {
			v = addressOf(v)
		}
		if to == "host" {
			if p.Host == "" {
				p.Host = v
			}
			continue
		}
		if to == "http_version" {
			v = strings.TrimPrefix(v, "HTTP/")
		}
		p.add(to, v)
	}
	if p.Get("src_ip") == "" {
		p.add("src_ip", clientOf(p.Get("forwarded_for")))
	}
}

// addressOf takes the port off "1.2.3.4:80".
func addressOf(v string) string {
	v = strings.TrimPrefix(v, "[")
	if k, s := span(kIP, v); k > 0 && k < len(v) {
		return s
	}
	return v
}

var aliases = map[string]string{
	"src": "src_ip", "spt": "src_port", "dst": "dst_ip", "dpt": "dst_port", "suser": "user", "duser": "user", "usrName": "user",
	"srcip": "src_ip", "srcport": "src_port", "dstip": "dst_ip", "dstport": "dst_port", "srcPort": "src_port", "dstPort": "dst_port", "proto": "protocol",
	"request.client_ip": "src_ip", "request.remote_ip": "src_ip", "request.method": "method", "request.uri": "path", "request.host": "vhost",
	"request.proto": "http_version", "request.headers.User-Agent": "user_agent", "request.headers.Referer": "referrer", "user_id": "user",
	"ClientHost": "src_ip", "ClientAddr": "src_ip", "ClientUsername": "user", "RequestMethod": "method", "RequestPath": "path", "RequestHost": "vhost",
	"RequestProtocol": "http_version", "DownstreamStatus": "status", "DownstreamContentSize": "bytes", "request_User-Agent": "user_agent", "request_Referer": "referrer",
	"response_code": "status", "bytes_sent": "bytes", "downstream_remote_address": "src_ip", "x_forwarded_for": "forwarded_for", "authority": "vhost",
	"remote_addr": "src_ip", "remote_ip": "src_ip", "client_ip": "src_ip", "remote": "src_ip", "attr.remote": "src_ip", "addr.remote": "src_ip", "sourceIPs": "src_ip",
	"user.username": "user", "request_method": "method", "request_uri": "path", "uri": "path", "http_user_agent": "user_agent", "http_referer": "referrer",
	"hostname": "host", "host": "host", "NODE": "host", "verb": "method", "requestURI": "path", "responseStatus.code": "status", "userAgent": "user_agent",
	"body_bytes_sent": "bytes", "size": "bytes", "request_length": "request_bytes",
}

package logparse

import (
	"strings"
	"time"
)

// rule is one message of a program, as data.
type rule struct {
	format string
	// apps are the programs that say it; "" for lines without a program.
	apps string
	p    *Pattern
	set  []Field
}

// ruleSet finds the rules to try.
type ruleSet struct {
	byApp map[string][]*rule
	free  []*rule
}

var builtin = compileRules()

func compileRules() *ruleSet {
	rs := &ruleSet{byApp: map[string][]*rule{}}
	for _, g := range ruleText {
		for _, line := range strings.Split(strings.TrimSpace(g.patterns), "\n") {
			src, set := strings.TrimSpace(line), ""
			if i := strings.LastIndex(src, " => "); i >= 0 {
				src, set = src[:i], src[i+4:]
			}
			p, err := CompilePattern(src)
			if err != nil {
				panic("logparse: " + g.format + ": " + src + ": " + err.Error())
			}
			r := &rule{format: g.format, apps: g.apps, p: p}
			for kv := range strings.FieldsSeq(set) {
				k, v, _ := strings.Cut(kv, "=")
				r.set = append(r.set, Field{k, v})
			}
			if g.apps == "" {
				rs.free = append(rs.free, r)
			}
			for a := range strings.FieldsSeq(g.apps) {
				rs.byApp[a] = append(rs.byApp[a], r)
			}
		}
	}
	return rs
}

// program gives the name by which rules know an app: "postfix/smtpd" is postfix,
// "sshd(pam_unix)" and "/usr/sbin/sshd" are sshd.
func program(app string) string {
	if i := strings.IndexByte(app, '('); i > 0 {
		app = app[:i]
	}
	if strings.HasPrefix(app, "/") {
		app = app[strings.LastIndexByte(app, '/')+1:]
	}
	if i := strings.IndexByte(app, '/'); i > 0 {
		app = app[:i]
	}
	return strings.ToLower(app)
}

// byApp tries the messages that the program is known to say, then those that many say.
func (p *Parsed) byApp(s string, now time.Time) bool {
	name := program(p.App)
	list := builtin.byApp[name]
	for _, r := range list {
		if p.apply(r, s, now) {
			return true
		}
	}
	for _, r := range builtin.byApp["*"] {
		if p.apply(r, s, now) {
			return true
		}
	}
	if len(list) > 0 {
		p.Format = list[0].format
	}
	return false
}

// free tries the lines of programs that write their own header.
func (p *Parsed) free(s string, now time.Time) bool {
	for _, r := range builtin.free {
		if p.apply(r, s, now) {
			return true
		}
	}
	return false
}

func (p *Parsed) apply(r *rule, s string, now time.Time) bool {
	if r.p.need != "" && !strings.Contains(s, r.p.need) {
		return false
	}
	var buf [40]Field
	out, bad := r.p.run(s, buf[:0])
	if bad >= 0 {
		return false
	}
	var at time.Time
	for _, f := range out {
		switch f.Name {
		case "time":
			// What only looks like this format has no time, or more than that, here.
			t, n := parseTime(f.Value, now)
			if n == 0 || !wholeTime(f.Value, n) {
				return false
			}
			at = t
		case "level":
			if r.apps == "" && level(strings.Trim(f.Value, ": ")) == "" {
				return false
			}
		}
	}
	if !at.IsZero() {
		p.Time = at
	}
	p.Format = r.format
	for _, f := range out {
		switch f.Name {
		case "time":
		case "level":
			if l := level(strings.Trim(f.Value, ": ")); l != "" {
				p.Level = l
			} else {
				p.add("level_text", f.Value)
			}
		case "host":
			p.Host = f.Value
		case "app":
			p.App = f.Value
		case "pid":
			p.PID = f.Value
		case "message":
			p.Message = f.Value
		case "http_request":
			p.request(f.Value)
		case "details":
			p.brackets(f.Value)
		case "netfilter":
			p.netfilter(f.Value)
			p.Format = r.format
		case "pairs":
			p.pairs(f.Value, false)
		default:
			p.add(f.Name, f.Value)
		}
	}
	for _, f := range r.set {
		switch f.Name {
		case "app":
			p.App = f.Value
			continue
		case "level":
			if p.Level == "" {
				p.Level = f.Value
			}
			continue
		}
		p.add(f.Name, f.Value)
	}
	if p.Get("src_ip") == "" {
		p.add("src_ip", clientOf(p.Get("forwarded_for")))
	}
	return true
}

// clientOf gives the first address of a list as proxies write it.
func clientOf(v string) string {
	v, _, _ = strings.Cut(v, ",")
	if v = addressOf(strings.TrimSpace(v)); !ipLike(v) {
		return ""
	}
	return v
}

// brackets reads [name "value"] groups, as web application firewalls write them.
func (p *Parsed) brackets(s string) int {
	n := 0
	for {
		i := strings.IndexByte(s, '[')
		if i < 0 {
			return n
		}
		s = s[i+1:]
		k := strings.Index(s, " \"")
		if k <= 0 || k > 32 || !validName(s[:k]) {
			continue
		}
		v, l := quotedAt(s[k+1:])
		if l == 0 {
			return n
		}
		p.add("rule_"+s[:k], v)
		s = s[k+1+l:]
		n++
	}
}

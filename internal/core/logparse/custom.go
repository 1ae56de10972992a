package logparse

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Parser is a parser of one's own, as data.
type Parser struct {
	// Name becomes the format of the lines it reads.
	Name string `yaml:"name" json:"name" required:"true"`
	// Match is text that a line must contain; empty for all lines.
	Match string `yaml:"match" json:"match,omitempty"`
	// App limits the parser to lines of these programs, as a syslog header names them. The
	// pattern then describes the message behind the header.
	App []string `yaml:"app" json:"app,omitempty"`
	// Pattern in the language of Pattern, or Regexp, a Go expression with named groups.
	Pattern string `yaml:"pattern" json:"pattern,omitempty"`
	Regexp  string `yaml:"regexp" json:"regexp,omitempty"`
	// Types of fields: int, float, bool, ip, duration (becomes seconds), lower, upper. A
	// line whose value is of another type does not fit.
	Types map[string]string `yaml:"types" json:"types,omitempty"`
	// Time says which field is the time and how it is written.
	Time *TimeField `yaml:"time" json:"time,omitempty"`
	// Set adds fields that every line of this parser has.
	Set map[string]string `yaml:"set" json:"set,omitempty"`
	// Line of the file the parser begins on.
	Line int `yaml:"-" json:"-" strict:"line"`
}

// TimeField reads the time out of a field.
type TimeField struct {
	Field string `yaml:"field" json:"field" required:"true"`
	// Layout as Go writes the moment "2006-01-02 15:04:05", or unix, unix_ms, unix_ns.
	// Empty: what Parse knows.
	Layout string `yaml:"layout" json:"layout,omitempty"`
	// Zone of times that have none, for example "Europe/Berlin"; empty for the zone of the
	// machine.
	Zone string `yaml:"zone" json:"zone,omitempty"`
}

type file struct {
	Parsers []Parser `yaml:"parsers" required:"true"`
}

// Limits of parsers of one's own.
const (
	maxParsers = 200
	maxRegexp  = 4 << 10
)

var valueTypes = []string{"string", "int", "float", "bool", "ip", "duration", "lower", "upper"}

// Set is a list of compiled parsers, tried in order before the formats that are known.
// The zero value and nil have none. It is safe for use by several goroutines.
type Set struct {
	list []*custom
}

type custom struct {
	Parser
	p    *Pattern
	re   *regexp.Regexp
	zone *time.Location
	set  []Field
}

// ReadParsers reads a YAML document with a list "parsers". The error has a field error
// for each mistake, with its line and, inside a pattern, its position.
func ReadParsers(name string, data []byte) (*Set, error) {
	var f file
	if err := strict.Decode(name, data, &f); err != nil {
		return nil, err
	}
	return Compile(f.Parsers)
}

// Compile checks parsers and makes them ready. The error is an *errs.Error of code
// Invalid whose paths begin with "parsers[n]".
func Compile(list []Parser) (*Set, error) {
	var fs []errs.Field
	if len(list) > maxParsers {
		fs = append(fs, errs.Field{Path: "parsers", Message: fmt.Sprintf("has %d entries; %d at most", len(list), maxParsers)})
		list = list[:maxParsers]
	}
	s := &Set{}
	seen := map[string]bool{}
	for i := range list {
		bad := func(path, value, format string, args ...any) {
			fs = append(fs, errs.Field{Path: fmt.Sprintf("parsers[%d].%s", i, path), Value: value, Line: list[i].Line, Message: fmt.Sprintf(format, args...)})
		}
		c := &custom{Parser: list[i]}
		if !validName(c.Name) {
			bad("name", c.Name, "is not a name; use letters, digits, \"_\", \"-\" and \".\", at most 64")
		} else if seen[c.Name] {
			bad("name", c.Name, "is there twice")
		}
		seen[c.Name] = true
		c.compile(bad)
		s.list = append(s.list, c)
	}
	if len(fs) > 0 {
		return nil, errs.Fields(fs...)
	}
	return s, nil
}

func (c *custom) compile(bad func(path, value, format string, args ...any)) {
	var names []string
	switch {
	case (c.Pattern == "") == (c.Regexp == ""):
		bad("pattern", "", "or regexp must be given, and only one of them")
	case c.Pattern != "":
		p, err := CompilePattern(c.Pattern)
		if err != nil {
			bad("pattern", c.Pattern, "has a mistake %v", err)
			break
		}
		c.p, names = p, p.Names()
	case len(c.Regexp) > maxRegexp:
		bad("regexp", c.Regexp[:64], "is longer than %d bytes", maxRegexp)
	default:
		re, err := regexp.Compile(c.Regexp)
		if err != nil {
			bad("regexp", c.Regexp, "has a mistake %s", regexpMistake(c.Regexp, err))
			break
		}
		c.re = re
		for _, n := range re.SubexpNames() {
			if n != "" {
				names = append(names, n)
			}
		}
		if len(names) == 0 {
			bad("regexp", c.Regexp, "has no named group; write (?P<name>...) around each field")
		}
	}
	known := c.p != nil || c.re != nil
	for f, t := range c.Types {
		if !slices.Contains(valueTypes, t) {
			bad("types."+f, t, "is not a type; types are %s", strings.Join(valueTypes, ", "))
		} else if known && !slices.Contains(names, f) {
			bad("types."+f, "", "is no field of the pattern; its fields are %s", strings.Join(names, ", "))
		}
	}
	for k, v := range c.Set {
		if !validName(k) {
			bad("set."+k, k, "is not a name for a field")
			continue
		}
		c.set = append(c.set, Field{k, v})
	}
	slices.SortFunc(c.set, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	if c.Time == nil {
		return
	}
	if known && !slices.Contains(names, c.Time.Field) {
		bad("time.field", c.Time.Field, "is no field of the pattern; its fields are %s", strings.Join(names, ", "))
	}
	if l := c.Time.Layout; l != "" && l != "unix" && l != "unix_ms" && l != "unix_ns" {
		if out := time.Date(2001, 3, 4, 5, 7, 8, 0, time.UTC).Format(l); out == l {
			bad("time.layout", l, `has no part of a time; write the moment "2006-01-02 15:04:05" as the line writes it, or unix, unix_ms, unix_ns`)
		}
	}
	if c.Time.Zone != "" {
		z, err := time.LoadLocation(c.Time.Zone)
		if err != nil {
			bad("time.zone", c.Time.Zone, `is no time zone; write for example "Europe/Berlin" or "UTC"`)
		}
		c.zone = z
	}
}

func regexpMistake(src string, err error) string {
	var se *syntax.Error
	if errors.As(err, &se) {
		if i := strings.Index(src, se.Expr); i >= 0 && se.Expr != "" {
			return fmt.Sprintf("at character %d: %s", i+1, se.Code)
		}
		return string(se.Code)
	}
	return err.Error()
}

// Parse tries the parsers of the set, then the formats that are known.
func (s *Set) Parse(line string, now time.Time) Parsed {
	p := Parse(line, now)
	if s == nil {
		return p
	}
	for _, c := range s.list {
		if q, _ := c.read(line, &p, now); q != nil {
			return *q
		}
	}
	return p
}

// Read tries only the parsers of the set. known is what Parse says of the line, with its
// header. concerns tells that a parser was meant for the line and did not fit.
func (s *Set) Read(line string, known *Parsed, now time.Time) (p *Parsed, concerns bool) {
	for _, c := range s.list {
		if len(c.App) > 0 && !slices.Contains(c.App, known.App) || c.Match != "" && !strings.Contains(line, c.Match) {
			continue
		}
		if p, _ = c.read(line, known, now); p != nil {
			return p, true
		}
		concerns = true
	}
	return nil, concerns
}

// Trial says how one sample line fits.
type Trial struct {
	Line string `json:"line"`
	// Parser that fits, or the format that is known without it; "" when nothing fits.
	Parser string `json:"parser"`
	Fits   bool   `json:"fits"`
	// Time, Level and Fields as they would be stored.
	Time   string  `json:"time,omitempty"`
	Level  string  `json:"level,omitempty"`
	Fields []Field `json:"fields"`
	// Misses tell for each parser that does not fit up to where it did.
	Misses []Miss `json:"misses,omitempty"`
}

// Miss is one parser that does not fit.
type Miss struct {
	Parser string `json:"parser"`
	// Offset in bytes in the text that the pattern describes.
	Offset  int    `json:"offset"`
	Message string `json:"message"`
}

// Try is for building a parser on sample lines: what each field would be, and where each
// parser stops fitting.
func (s *Set) Try(line string, now time.Time) Trial {
	p := Parse(line, now)
	t := Trial{Line: line, Fields: []Field{}}
	for _, c := range s.list {
		q, miss := c.read(line, &p, now)
		if q == nil {
			t.Misses = append(t.Misses, *miss)
			continue
		}
		t.Parser, t.Fits = c.Name, true
		t.show(q)
		return t
	}
	t.Parser = p.Format
	t.show(&p)
	return t
}

func (t *Trial) show(p *Parsed) {
	t.Level = p.Level
	if !p.Time.IsZero() {
		t.Time = p.Time.Format(time.RFC3339Nano)
	}
	t.Fields = append(t.Fields, p.Fields...)
}

// read gives what c reads in line, or why it does not fit. p is what Parse says.
func (c *custom) read(line string, p *Parsed, now time.Time) (*Parsed, *Miss) {
	miss := func(at int, format string, args ...any) (*Parsed, *Miss) {
		return nil, &Miss{Parser: c.Name, Offset: at, Message: fmt.Sprintf(format, args...)}
	}
	if len(line) > MaxLine {
		line = line[:MaxLine]
	}
	text := strings.TrimRight(line, "\r\n \t\x00")
	q := &Parsed{Format: c.Name, Message: text, Time: p.Time}
	if len(c.App) > 0 {
		if !slices.Contains(c.App, p.App) {
			return miss(0, "the line is of the program %q", p.App)
		}
		q.Host, q.App, q.PID, q.Level, q.Message = p.Host, p.App, p.PID, p.Level, p.Message
		text = p.Message
	}
	if c.Match != "" && !strings.Contains(text, c.Match) {
		return miss(0, "the line does not contain %q", c.Match)
	}
	var fields []Field
	if c.re != nil {
		m := c.re.FindStringSubmatch(text)
		if m == nil {
			return miss(0, "the expression does not fit")
		}
		for i, n := range c.re.SubexpNames() {
			if n != "" && m[i] != "" {
				fields = append(fields, Field{n, m[i]})
			}
		}
	} else {
		out, bad := c.p.run(text, nil)
		if bad >= 0 {
			return miss(bad, "the pattern fits up to character %d, before %q", bad, cut(text[bad:], 24))
		}
		fields = out
	}
	for _, f := range fields {
		if c.Time != nil && f.Name == c.Time.Field {
			t, ok := c.timeOf(f.Value, now)
			if !ok {
				return miss(strings.Index(text, f.Value), "%s: %q is no time of the layout %q", f.Name, f.Value, c.Time.Layout)
			}
			q.Time = t
			continue
		}
		v, ok := convert(c.Types[f.Name], f.Value)
		if !ok {
			return miss(strings.Index(text, f.Value), "%s: %q is not of type %s", f.Name, f.Value, c.Types[f.Name])
		}
		c.store(q, f.Name, v)
	}
	for _, f := range c.set {
		c.store(q, f.Name, f.Value)
	}
	return q, nil
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// store puts what the header of every line has into its place.
func (c *custom) store(q *Parsed, name, v string) {
	switch name {
	case "level":
		if l := level(v); l != "" {
			q.Level = l
			return
		}
	case "host":
		q.Host = v
		return
	case "app":
		q.App = v
		return
	case "pid":
		q.PID = v
		return
	case "message":
		q.Message = v
		return
	}
	q.add(name, v)
}

func (c *custom) timeOf(v string, now time.Time) (time.Time, bool) {
	if c.zone != nil {
		now = now.In(c.zone)
	}
	switch c.Time.Layout {
	case "":
		t, n := parseTime(v, now)
		return t, n > 0 && wholeTime(v, n)
	case "unix", "unix_ms", "unix_ns":
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || f < 0 || f > 9e18 {
			return time.Time{}, false
		}
		switch c.Time.Layout {
		case "unix":
			return time.UnixMicro(int64(f * 1e6)).UTC(), true
		case "unix_ms":
			return time.UnixMilli(int64(f)).UTC(), true
		}
		n, err := strconv.ParseInt(v, 10, 64)
		return time.Unix(0, n).UTC(), err == nil
	}
	t, err := time.ParseInLocation(c.Time.Layout, v, now.Location())
	if err != nil {
		return t, false
	}
	if t.Year() == 0 {
		d := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
		t = guessYear(t.Month(), t.Day(), d, now)
	}
	return t, true
}

// convert checks v and writes it in the one form of its type.
func convert(t, v string) (string, bool) {
	switch t {
	case "int":
		n, err := strconv.ParseInt(v, 10, 64)
		return strconv.FormatInt(n, 10), err == nil
	case "float":
		n, err := strconv.ParseFloat(v, 64)
		return strconv.FormatFloat(n, 'g', -1, 64), err == nil
	case "bool":
		switch strings.ToLower(v) {
		case "true", "yes", "on", "1":
			return "true", true
		case "false", "no", "off", "0":
			return "false", true
		}
		return v, false
	case "ip":
		a, err := netip.ParseAddr(strings.Trim(v, "[]"))
		return a.String(), err == nil
	case "duration":
		d, err := time.ParseDuration(v)
		return strconv.FormatFloat(d.Seconds(), 'g', -1, 64), err == nil
	case "lower":
		return strings.ToLower(v), true
	case "upper":
		return strings.ToUpper(v), true
	}
	return v, true
}

// wholeTime tells whether a time of length n takes all of v, but for the name of a zone.
func wholeTime(v string, n int) bool {
	r := strings.TrimSpace(v[n:])
	if len(r) > 5 {
		return false
	}
	for i := range len(r) {
		if !isUpper(r[i]) {
			return false
		}
	}
	return true
}

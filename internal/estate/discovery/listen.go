package discovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	gnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// listener is a port on which a process waits.
type listener struct {
	Protocol  string // tcp or udp
	Port      uint32
	Addresses []string // as bound: 0.0.0.0, ::, 127.0.0.1 …
	PID       int32
	Process   string
	User      string
	Command   string
	Own       bool // Mainstay itself
}

const maxServices = 200

// udpPorts are the UDP ports that mean a service; other UDP sockets are mostly
// clients that wait for an answer.
var udpPorts = []uint32{53, 67, 123, 161, 162, 514, 1812}

// listeners reads the sockets that wait, one entry for each process and port.
func listeners(ctx context.Context, own int32) ([]listener, error) {
	cs, err := gnet.ConnectionsWithContext(ctx, "inet")
	if err != nil {
		return nil, err
	}
	type key struct {
		protocol string
		port     uint32
		pid      int32
	}
	found := map[key]*listener{}
	for _, c := range cs {
		var protocol string
		switch {
		case c.Type == 1 && c.Status == "LISTEN":
			protocol = "tcp"
		case c.Type == 2 && c.Raddr.Port == 0 && slices.Contains(udpPorts, c.Laddr.Port):
			protocol = "udp"
		default:
			continue
		}
		k := key{protocol, c.Laddr.Port, c.Pid}
		l := found[k]
		if l == nil {
			if len(found) >= maxServices {
				continue
			}
			l = &listener{Protocol: protocol, Port: c.Laddr.Port, PID: c.Pid}
			found[k] = l
		}
		if !slices.Contains(l.Addresses, c.Laddr.IP) {
			l.Addresses = append(l.Addresses, c.Laddr.IP)
		}
	}
	// Workers that inherited a socket are the same service as their parent: one
	// entry per port is kept, that of the smallest process id.
	byPort := map[string]*listener{}
	for _, l := range found {
		p := l.Protocol + strconv.Itoa(int(l.Port))
		if o := byPort[p]; o == nil || l.PID != 0 && (o.PID == 0 || l.PID < o.PID) {
			if o != nil {
				l.Addresses = union(l.Addresses, o.Addresses)
			}
			byPort[p] = l
		} else {
			o.Addresses = union(o.Addresses, l.Addresses)
		}
	}
	out := make([]listener, 0, len(byPort))
	for _, l := range byPort {
		sort.Strings(l.Addresses)
		l.Own = l.PID == own && own != 0
		out = append(out, *l)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Port < out[j].Port || out[i].Port == out[j].Port && out[i].Protocol < out[j].Protocol
	})
	return out, nil
}

func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// describe fills in the process; a process of another user may hide its name.
func (l *listener) describe(ctx context.Context) {
	l.Process = "unknown"
	if l.Own {
		l.Process = "mainstay"
	}
	if l.PID == 0 {
		return
	}
	p, err := process.NewProcessWithContext(ctx, l.PID)
	if err != nil {
		return
	}
	if n, err := p.NameWithContext(ctx); err == nil && n != "" && !l.Own {
		l.Process = cleanName(n)
	}
	if u, err := p.UsernameWithContext(ctx); err == nil {
		l.User = u
	}
	if c, err := p.CmdlineSliceWithContext(ctx); err == nil {
		l.Command = maskCommand(c)
	}
}

var odd = regexp.MustCompile(`[^\pL\pN ._+-]+`)

func cleanName(s string) string {
	s = strings.Trim(odd.ReplaceAllString(s, "_"), "_ .-")
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 60)]
}

var optionRE = regexp.MustCompile(`^--?[A-Za-z][A-Za-z0-9_-]*$`)

// maskCommand writes what may be shown of a command line: the program, plain words
// and paths, and the names of options. Values of options are left out, and so is
// everything that could be an address or an assignment: a password hides in too
// many places to look for it.
func maskCommand(args []string) string {
	if len(args) == 1 {
		args = strings.Fields(args[0]) // a process that writes its own title
	}
	out := make([]string, 0, len(args))
	value := false
	for i, a := range args {
		switch {
		case i == 0:
			a = path.Base(a)
		case optionRE.MatchString(a):
			// A short option may carry its value (-psecret); only the letter is kept.
			if !strings.HasPrefix(a, "--") && len(a) > 2 {
				a = a[:2] + "…"
			}
			value = true
			out = append(out, a)
			continue
		case strings.HasPrefix(a, "-"):
			name, _, _ := strings.Cut(a, "=")
			if !optionRE.MatchString(name) {
				name = "-"
			}
			a = name + "=…"
		case value || i > 1 || strings.ContainsAny(a, "=:@?&"):
			a = "…"
		}
		value = false
		if a == "…" && len(out) > 0 && out[len(out)-1] == "…" {
			continue
		}
		out = append(out, a)
	}
	s := strings.Join(out, " ")
	return strings.ToValidUTF8(s[:min(len(s), 500)], "")
}

// target is the address under which this machine reaches the listener.
func (l *listener) target() string {
	ip := "127.0.0.1"
	if !slices.ContainsFunc(l.Addresses, func(a string) bool { return a == "0.0.0.0" || a == "::" || a == "*" || a == ip }) && len(l.Addresses) > 0 {
		ip = l.Addresses[0]
	}
	return net.JoinHostPort(ip, strconv.Itoa(int(l.Port)))
}

// fingerprint changes when a listener must be looked at again.
func (l *listener) fingerprint() string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %v", l.Protocol, l.Port, l.PID, l.Addresses))
	return hex.EncodeToString(h[:8])
}

package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Listen says where the server listens. In a file it is either the address of the
// UI and the API alone, or a block with that address as "http" and those of further
// protocols.
type Listen struct {
	// HTTP is the address and port of the UI and the API.
	HTTP string
	// Ports are addresses of further protocols, by the names of Ports. A protocol
	// that is not in it is off.
	Ports map[string]string
	// All opens every protocol that has no address at its usual port on loopback. A
	// port that cannot be opened is then reported and no error.
	All bool
}

// Port is a protocol that has a port of its own.
type Port struct {
	// Name is the key in the listen block.
	Name string
	// Usual is the port number that senders expect.
	Usual int
	// Help is one sentence for the reference of settings.
	Help string
}

// Ports are all protocols with a port of their own, by name.
func Ports() []Port {
	return []Port{
		{Name: "gelf_tcp", Usual: 12201, Help: "GELF over TCP, messages ended by a zero byte."},
		{Name: "gelf_udp", Usual: 12201, Help: "GELF over UDP, chunked and compressed as senders like."},
		{Name: "graphite", Usual: 2003, Help: "Graphite plaintext, TCP and UDP."},
		{Name: "ipfix", Usual: 4739, Help: "IPFIX, and NetFlow 5 and 9, over UDP."},
		{Name: "mqtt", Usual: 1883, Help: "MQTT 3.1.1 for devices; each needs credentials."},
		{Name: "mqtts", Usual: 8883, Help: "MQTT over TLS with the certificate of the server."},
		{Name: "netflow", Usual: 2055, Help: "NetFlow 5, NetFlow 9 and IPFIX, UDP."},
		{Name: "otlp_grpc", Usual: 4317, Help: "OpenTelemetry (OTLP) over gRPC; needs a token."},
		{Name: "sflow", Usual: 6343, Help: "sFlow version 5, UDP."},
		{Name: "statsd", Usual: 8125, Help: "StatsD and DogStatsD, UDP and TCP."},
		{Name: "syslog_tcp", Usual: 514, Help: "Syslog over TCP, with octet counting or a line each."},
		{Name: "syslog_tls", Usual: 6514, Help: "Syslog over TLS with the certificate of the server."},
		{Name: "syslog_udp", Usual: 514, Help: "Syslog over UDP: RFC 3164, RFC 5424, Cisco."},
		{Name: "zabbix", Usual: 10051, Help: "Values of zabbix_sender and of Zabbix agents."},
		{Name: "trap", Usual: 162, Help: "SNMP traps and informs, UDP."},
	}
}

// Address gives where to listen for a protocol; empty when it is off. The second
// result tells that a person chose the address, so that failing to open it is an
// error.
func (l Listen) Address(name string) (addr string, chosen bool) {
	if a := l.Ports[name]; a != "" {
		return a, true
	}
	if !l.All {
		return "", false
	}
	for _, p := range Ports() {
		if p.Name == name {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Usual)), false
		}
	}
	return "", false
}

// String is the address of the UI and the API.
func (l Listen) String() string { return l.HTTP }

func knownPort(name string) bool {
	return slices.ContainsFunc(Ports(), func(p Port) bool { return p.Name == name })
}

// UnmarshalStrict reads either form.
func (l *Listen) UnmarshalStrict(n *yaml.Node, path string) []errs.Field {
	if n.Kind == yaml.ScalarNode {
		l.HTTP = n.Value
		return nil
	}
	var block map[string]string
	bad := strict.DecodeNode(n, path, &block)
	for _, k := range slices.Sorted(maps.Keys(block)) {
		switch {
		case k == "http":
			l.HTTP = block[k]
		case knownPort(k):
			l.set(k, block[k])
		default:
			names := []string{"http"}
			for _, p := range Ports() {
				names = append(names, p.Name)
			}
			bad = append(bad, errs.Field{Path: path + "." + k, Line: n.Line, Message: "is not a protocol" + strict.DidYouMean(k, names)})
		}
	}
	return bad
}

// MarshalYAML writes what UnmarshalStrict reads.
func (l Listen) MarshalYAML() (any, error) {
	if len(l.Ports) == 0 {
		return l.HTTP, nil
	}
	block := maps.Clone(l.Ports)
	block["http"] = l.HTTP
	return block, nil
}

func (l *Listen) set(name, addr string) {
	if addr == "" {
		delete(l.Ports, name)
		return
	}
	if l.Ports == nil {
		l.Ports = map[string]string{}
	}
	l.Ports[name] = addr
}

// settings are the keys "listen.<name>" for the environment and flags.
func (l *Listen) settings(into map[string]func(string) error) {
	into["listen"] = func(s string) error { l.HTTP = s; return nil }
	for _, p := range Ports() {
		into["listen."+p.Name] = func(s string) error { l.set(p.Name, s); return nil }
	}
}

func (l Listen) validate(add func(path, value, msg string)) {
	check := func(path, addr string) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			add(path, addr, "must be an address and a port such as 127.0.0.1:8080")
		} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || strings.Contains(host, " ") {
			add(path, addr, "must have a port between 0 and 65535")
		}
	}
	check("listen", l.HTTP)
	for _, name := range slices.Sorted(maps.Keys(l.Ports)) {
		if a := l.Ports[name]; a != "" {
			check(fmt.Sprintf("listen.%s", name), a)
		}
	}
}

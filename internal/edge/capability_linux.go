package edge

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Missing names the capabilities that this process does not have, each with what the
// edge cannot do without it.
func Missing() []string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	return missing(string(b), lowPort())
}

// lowPort is the first port that needs no capability.
func lowPort() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return 1024
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 1024
	}
	return n
}

// missing reads the effective set out of the status of a process (proc(5)).
func missing(status string, free int) []string {
	var have uint64
	for line := range strings.Lines(status) {
		if text, ok := strings.CutPrefix(line, "CapEff:"); ok {
			have, _ = strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		}
	}
	var out []string
	if have&(1<<unix.CAP_NET_RAW) == 0 {
		out = append(out, "CAP_NET_RAW: it cannot measure network paths or capture packets, nor ping where the system does not allow it to everybody")
	}
	if have&(1<<unix.CAP_NET_BIND_SERVICE) == 0 && free > 162 {
		out = append(out, "CAP_NET_BIND_SERVICE: it cannot open ports below "+strconv.Itoa(free)+", such as 162 for SNMP traps")
	}
	return out
}

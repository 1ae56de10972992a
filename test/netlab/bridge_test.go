package netlab

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// snmpd does not answer for BRIDGE-MIB (RFC 4188). It asks this program, which reads
// the forwarding table of the kernel, by its pass_persist protocol.
const bridgeMIB = ".1.3.6.1.2.1.17"

// row is one value of the MIB.
type row struct {
	oid   []int
	value int
}

func oidOf(s string) []int {
	var out []int
	for _, p := range strings.Split(strings.Trim(s, "."), ".") {
		n, _ := strconv.Atoi(p)
		out = append(out, n)
	}
	return out
}

func text(oid []int) string {
	var b strings.Builder
	for _, n := range oid {
		b.WriteString("." + strconv.Itoa(n))
	}
	return b.String()
}

// rows reads the ports of br0 and what it learned.
func rows() []row {
	var out []row
	var ports []struct {
		Ifindex int
		Ifname  string
		Master  string
	}
	b, _ := exec.Command("bridge", "-j", "link", "show").Output()
	_ = json.Unmarshal(b, &ports)
	number := map[string]int{}
	for n, p := range ports {
		if p.Master == "br0" {
			number[p.Ifname] = n + 1
			out = append(out, row{append(oidOf(bridgeMIB), 1, 4, 1, 2, n+1), p.Ifindex})
		}
	}
	var learned []struct {
		Mac, Ifname, State string
		Vlan               int
	}
	b, _ = exec.Command("bridge", "-j", "fdb", "show", "br", "br0").Output()
	_ = json.Unmarshal(b, &learned)
	for _, e := range learned {
		mac, err := net.ParseMAC(e.Mac)
		if err != nil || e.State == "permanent" || e.Vlan != 0 || number[e.Ifname] == 0 {
			continue
		}
		oid := append(oidOf(bridgeMIB), 4, 3, 1, 2)
		for _, o := range mac {
			oid = append(oid, int(o))
		}
		out = append(out, row{oid, number[e.Ifname]})
	}
	slices.SortFunc(out, func(a, b row) int { return slices.Compare(a.oid, b.oid) })
	return slices.CompactFunc(out, func(a, b row) bool { return slices.Equal(a.oid, b.oid) })
}

// answerBridge speaks pass_persist until snmpd ends.
func answerBridge(in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	var have []row
	var read time.Time
	for lines.Scan() {
		switch strings.ToLower(lines.Text()) {
		case "ping":
			fmt.Fprintln(out, "PONG")
		case "get", "getnext":
			next := strings.EqualFold(lines.Text(), "getnext")
			lines.Scan()
			oid := oidOf(lines.Text())
			if time.Since(read) > 200*time.Millisecond {
				have, read = rows(), time.Now()
			}
			i, found := slices.BinarySearchFunc(have, oid, func(r row, o []int) int { return cmp.Compare(slices.Compare(r.oid, o), 0) })
			if next && found {
				i++
			}
			if i >= len(have) || !next && !found {
				fmt.Fprintln(out, "NONE")
				continue
			}
			fmt.Fprintf(out, "%s\ninteger\n%d\n", text(have[i].oid), have[i].value)
		case "set":
			lines.Scan()
			lines.Scan()
			fmt.Fprintln(out, "not-writable")
		}
	}
}

// passBridge is the line of snmpd.conf.
func passBridge() string {
	exe, _ := os.Executable()
	return "pass_persist " + bridgeMIB + " " + exe + " bridge-mib"
}

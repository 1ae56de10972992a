package device_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

func num(oid string, n int64) snmp.Var {
	return snmp.Var{OID: snmp.OID(oid), Kind: snmp.Integer, Num: n}
}

func text(oid, s string) snmp.Var {
	return snmp.Var{OID: snmp.OID(oid), Kind: snmp.OctetString, Raw: []byte(s)}
}

func read(t *testing.T, opt device.Options, vars ...snmp.Var) *device.Device {
	t.Helper()
	d, err := device.Read(t.Context(), snmpreplay.New(vars...).Session(), opt)
	require.NoError(t, err)
	return d
}

const mac = "\x02\x00\x5e\x10\x00\x01"

func TestForwardingTable(t *testing.T) {
	t.Parallel()
	const q = "1.3.6.1.2.1.17."
	d := read(
		t, device.Options{},
		text("1.3.6.1.2.1.2.2.1.2.1007", "ge-0/0/7"),
		num(q+"1.4.1.2.7", 1007), num(q+"7.1.4.5.1.1.7", 20),
		num(q+"7.1.4.2.1.3.0.20", 3),
		num(q+"7.1.2.2.1.2.3.2.0.94.16.0.1", 7), num(q+"7.1.2.2.1.2.3.2.0.94.16.0.2", 0),
	)
	require.Equal(t, []device.BridgeMAC{{MAC: "02:00:5e:10:00:01", IfIndex: 1007, VLAN: 20}}, d.MACs, "port 0 is no port")
	require.EqualValues(t, 20, d.Interfaces[0].VLAN)
	old := read(t, device.Options{}, num(q+"1.4.1.2.7", 1007), num(q+"4.3.1.2.2.0.94.16.0.1", 7))
	require.Equal(t, []device.BridgeMAC{{MAC: "02:00:5e:10:00:01", IfIndex: 1007}}, old.MACs)
}

func TestAddressTable(t *testing.T) {
	t.Parallel()
	const ip = "1.3.6.1.2.1.4."
	d := read(
		t, device.Options{},
		text(ip+"22.1.2.3.192.0.2.9", mac), text(ip+"22.1.2.3.192.0.2.10", mac),
		text(ip+"35.1.4.3.1.4.192.0.2.9", mac),
		text(ip+"35.1.4.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9", mac),
	)
	require.Equal(t, []device.Host{
		{Address: "192.0.2.9", MAC: "02:00:5e:10:00:01", IfIndex: 3},
		{Address: "2001:db8::9", MAC: "02:00:5e:10:00:01", IfIndex: 3},
		{Address: "192.0.2.10", MAC: "02:00:5e:10:00:01", IfIndex: 3},
	}, d.Hosts, "a row that is in both tables is one host")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	const fwd = "1.3.6.1.2.1.4.24."
	want := []device.Route{
		{Prefix: "0.0.0.0/0", NextHop: "192.0.2.1", IfIndex: 2, Protocol: "static"},
		{Prefix: "10.1.0.0/16", IfIndex: 3, Protocol: "local"},
	}
	// Destination, its length, the policy 0.0, the next hop.
	a, b := "1.4.0.0.0.0.0.2.0.0.1.4.192.0.2.1", "1.4.10.1.0.0.16.2.0.0.1.4.0.0.0.0"
	require.Equal(t, want, read(t, device.Options{},
		num(fwd+"7.1.7."+a, 2), num(fwd+"7.1.9."+a, 3), num(fwd+"7.1.7."+b, 3), num(fwd+"7.1.9."+b, 2)).Routes)
	a, b = "0.0.0.0.0.0.0.0.0.192.0.2.1", "10.1.0.0.255.255.0.0.0.0.0.0.0"
	require.Equal(t, want, read(t, device.Options{},
		num(fwd+"4.1.5."+a, 2), num(fwd+"4.1.7."+a, 3), num(fwd+"4.1.5."+b, 3), num(fwd+"4.1.7."+b, 2)).Routes)
}

func TestRoutesAreBounded(t *testing.T) {
	t.Parallel()
	var vars []snmp.Var
	for i := range 50 {
		vars = append(vars, num(fmt.Sprintf("1.3.6.1.2.1.4.24.4.1.5.10.1.%d.0.255.255.255.0.0.192.0.2.1", i), 2))
	}
	d := read(t, device.Options{MaxRows: 20}, vars...)
	require.Len(t, d.Routes, 20)
	require.Equal(t, []string{"The routing table was cut after 20 rows."}, d.Limits)
}

func TestEntitySensors(t *testing.T) {
	t.Parallel()
	const s = "1.3.6.1.2.1.99.1.1.1."
	var vars []snmp.Var
	add := func(index string, kind, scale, precision, value, state int64) {
		for col, n := range map[string]int64{"1.": kind, "2.": scale, "3.": precision, "4.": value, "5.": state} {
			vars = append(vars, num(s+col+index, n))
		}
	}
	add("1", 8, 9, 1, 425, 1)
	add("2", 4, 8, 0, 12034, 1)
	add("3", 8, 9, 0, -7, 1)
	add("4", 10, 9, 0, 0, 2)
	vars = append(vars, text("1.3.6.1.2.1.47.1.1.1.1.2.1", "inlet"))
	d := read(t, device.Options{}, vars...)
	require.Equal(t, []device.Sensor{
		{Index: "1", Class: "temperature", Descr: "inlet", Value: 42.5, Unit: "celsius", OID: s + "4.1"},
		{Index: "2", Class: "voltage", Descr: "Sensor 2", Value: 12.034, Unit: "volt", OID: s + "4.2"},
		{Index: "3", Class: "temperature", Descr: "Sensor 3", Value: -7, Unit: "celsius", OID: s + "4.3"},
	}, d.Sensors, "what is unavailable is left out")
}

func TestPrinter(t *testing.T) {
	t.Parallel()
	d := read(
		t, device.Options{},
		text("1.3.6.1.2.1.43.11.1.1.6.1.1", "black"), num("1.3.6.1.2.1.43.11.1.1.8.1.1", 5000), num("1.3.6.1.2.1.43.11.1.1.9.1.1", 1250),
		text("1.3.6.1.2.1.43.11.1.1.6.1.2", "waste"), num("1.3.6.1.2.1.43.11.1.1.8.1.2", -2), num("1.3.6.1.2.1.43.11.1.1.9.1.2", -3),
		num("1.3.6.1.2.1.25.3.5.1.1.1", 3), text("1.3.6.1.2.1.25.3.5.1.2.1", "\x48\x02"),
	)
	require.Equal(t, "printer", d.Item.Kind)
	require.Equal(t, []device.Sensor{
		{Index: "1.1", Class: "percent", Descr: "black", Value: 25, Unit: "percent", OID: "1.3.6.1.2.1.43.11.1.1.9.1.1"},
		{Index: "1", Class: "state", Descr: "Printer status", Value: 3, State: "idle", OID: "1.3.6.1.2.1.25.3.5.1.1.1"},
		{Index: "1", Class: "state", Descr: "Printer errors", Value: 3, State: "no paper, door open, overdue for maintenance", OID: "1.3.6.1.2.1.25.3.5.1.2.1"},
	}, d.Sensors)
}

// The local port of a neighbor is found by its name before its number.
func TestNeighbors(t *testing.T) {
	t.Parallel()
	const l = "1.0.8802.1.1.2.1."
	d := read(
		t, device.Options{},
		text("1.3.6.1.2.1.2.2.1.2.3", "eth3"), text("1.3.6.1.2.1.2.2.1.2.5", "eth5"),
		num(l+"3.7.1.2.3", 5), text(l+"3.7.1.3.3", "eth5"),
		num(l+"4.1.1.4.0.3.1", 4), text(l+"4.1.1.5.0.3.1", mac), num(l+"4.1.1.6.0.3.1", 3),
		text(l+"4.1.1.7.0.3.1", mac), text(l+"4.1.1.8.0.3.1", "uplink"), text(l+"4.1.1.9.0.3.1", "sw-2"),
		num(l+"4.2.1.3.0.3.1.1.4.192.0.2.7", 2),
	)
	require.Equal(t, []device.Neighbor{{
		LocalIfIndex: 5, Protocol: "lldp", RemoteName: "sw-2", RemotePort: "02:00:5e:10:00:01", RemotePortDescr: "uplink",
		RemoteMAC: "02:00:5e:10:00:01", RemoteAddress: "192.0.2.7",
	}}, d.Neighbors)
}

// Rows with any index and any value give a device that can be written.
func FuzzRead(f *testing.F) {
	roots := []string{
		"2.2.1.2", "31.1.1.1.15", "4.34.1.3", "4.34.1.5", "4.20.1.3", "55.1.8.1.2", "4.35.1.4", "4.22.1.2", "4.24.7.1.7", "4.24.4.1.5",
		"4.21.1.7", "17.1.4.1.2", "17.7.1.2.2.1.2", "17.4.3.1.2", "17.7.1.4.2.1.3", "25.2.3.1.5", "25.3.3.1.2", "99.1.1.1.4", "47.1.1.1.1.2", "33.1.4.4.1.2",
	}
	f.Add(uint8(2), "1.4.10.0.0.1", int64(1), []byte(mac))
	f.Add(uint8(8), "1.4.0.0.0.0.0.99.0.0.1.4", int64(-1), []byte{})
	f.Add(uint8(6), "3", int64(1), []byte(mac))
	f.Fuzz(func(t *testing.T, which uint8, index string, n int64, raw []byte) {
		if index == "" || strings.Trim(index, "0123456789.") != "" {
			return
		}
		root := "1.3.6.1.2.1." + roots[int(which)%len(roots)] + "."
		l := "1.0.8802.1.1.2.1."
		d, err := device.Read(t.Context(), snmpreplay.New(
			num(root+index, n), snmp.Var{OID: snmp.OID(root + index + ".1"), Kind: snmp.OctetString, Raw: raw},
			snmp.Var{OID: snmp.OID(l + "4.1.1.5." + index), Kind: snmp.OctetString, Raw: raw}, num(l+"4.2.1.3."+index, n), num(l+"3.7.1.2."+index, n),
		).Session(), device.Options{Time: time.Second})
		require.NoError(t, err)
		_, err = json.Marshal(d)
		require.NoError(t, err)
	})
}

package trap_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var engine = []byte("\x80\x00\x00\x00\x05mainstay")

func keys() *trap.Keys {
	v3 := func(name, auth, priv string) trap.Key {
		k := trap.Key{Name: name, Target: snmp.Target{Version: snmp.V3, User: name, AuthProtocol: auth, PrivProtocol: priv}}
		if auth != "" {
			k.Target.AuthPassword = "auth-password"
		}
		if priv != "" {
			k.Target.PrivPassword = "priv-password"
		}
		return k
	}
	return trap.NewKeys(
		trap.Key{Name: "lan", Target: snmp.Target{Version: snmp.V2c, Community: "lab-secret"}},
		v3("plain", "", ""), v3("signed", "SHA", ""), v3("ops", "SHA256", "AES"), v3("strong", "SHA512", "AES256"), v3("old", "MD5", "DES"),
		trap.Key{Name: "incomplete", Target: snmp.Target{Version: snmp.V3, User: "x", AuthProtocol: "SHA"}},
	)
}

type got struct {
	m   *trap.Message
	err error
}

// station receives until the test ends, and answers.
func station(t *testing.T, r *trap.Receiver, now func() time.Time) (addr string, in chan got, packets chan []byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	in, packets = make(chan got, 100), make(chan []byte, 100)
	k := keys()
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			p := append([]byte(nil), buf[:n]...)
			m, reply, err := r.Read(p, now(), k)
			if reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
			if m == nil && err == nil {
				continue
			}
			if m != nil {
				if a := r.Answer(m, now()); a != nil {
					_, _ = conn.WriteTo(a, from)
				}
			}
			packets <- p
			in <- got{m, err}
		}
	}()
	return conn.LocalAddr().String(), in, packets
}

func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testkit.Missing(t, name+" is not installed")
	}
}

// send runs a program of net-snmp and gives what it wrote and whether it was content.
func send(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = []string{"PATH=/usr/bin:/bin", "MIBS=", "SNMP_PERSISTENT_DIR=" + t.TempDir()}
	out, err := c.CombinedOutput()
	return string(out), err
}

func next(t *testing.T, in chan got) got {
	t.Helper()
	select {
	case g := <-in:
		return g
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10 s")
		return got{}
	}
}

const linkDown = "1.3.6.1.6.3.1.1.5.3"

func vars() []string {
	return []string{"1.3.6.1.2.1.2.2.1.1.3", "i", "3", "1.3.6.1.2.1.2.2.1.2.3", "s", "Gi0/3", "1.3.6.1.2.1.4.20.1.1.1", "a", "192.0.2.7", "1.3.6.1.2.1.31.1.1.1.6.3", "C", "18446744073709551615"}
}

func TestVersion1(t *testing.T) {
	t.Parallel()
	tool(t, "snmptrap")
	addr, in, _ := station(t, trap.New(engine, 1, time.Now()), time.Now)
	out, err := send(t, "snmptrap", "-v1", "-c", "lab-secret", addr, "1.3.6.1.4.1.318", "192.0.2.9", "6", "5", "4242", "1.3.6.1.4.1.318.2.3.3.0", "s", "on battery")
	require.NoError(t, err, out)
	g := next(t, in)
	require.NoError(t, g.err)
	require.Equal(t, snmp.V1, g.m.Version)
	require.Equal(t, "lan", g.m.Key)
	require.Equal(t, snmp.OID("1.3.6.1.4.1.318.0.5"), g.m.OID)
	require.Equal(t, "192.0.2.9", g.m.Agent)
	require.EqualValues(t, 4242, g.m.Uptime)
	require.Len(t, g.m.Vars, 1)
	require.Equal(t, "on battery", g.m.Vars[0].Text())
	_, err = send(t, "snmptrap", "-v1", "-c", "lab-secret", addr, "1.3.6.1.4.1.8072", "192.0.2.9", "2", "0", "1", "1.3.6.1.2.1.2.2.1.1.3", "i", "3")
	require.NoError(t, err)
	require.Equal(t, snmp.OID(linkDown), next(t, in).m.OID, "generic trap 2")
}

func TestVersion2c(t *testing.T) {
	t.Parallel()
	tool(t, "snmpinform")
	addr, in, _ := station(t, trap.New(engine, 1, time.Now()), time.Now)
	out, err := send(t, append([]string{"snmptrap", "-v2c", "-c", "lab-secret", addr, "777", linkDown}, vars()...)...)
	require.NoError(t, err, out)
	g := next(t, in)
	require.NoError(t, g.err)
	require.Equal(t, snmp.OID(linkDown), g.m.OID)
	require.EqualValues(t, 777, g.m.Uptime)
	require.Equal(t, []string{"3", "Gi0/3", "192.0.2.7", "18446744073709551615"}, []string{g.m.Vars[0].Text(), g.m.Vars[1].Text(), g.m.Vars[2].Text(), g.m.Vars[3].Text()})
	require.False(t, g.m.Inform)

	out, err = send(t, append([]string{"snmpinform", "-v2c", "-r0", "-t5", "-c", "lab-secret", addr, "", linkDown}, vars()...)...)
	require.NoError(t, err, "the sender got its answer: %s", out)
	require.True(t, next(t, in).m.Inform)

	out, err = send(t, "snmpinform", "-v2c", "-r0", "-t1", "-c", "guess", addr, "", linkDown)
	require.Error(t, err, "no answer to one that is not known: %s", out)
	var refused *trap.Refused
	require.ErrorAs(t, next(t, in).err, &refused)
	require.Equal(t, "Its community is not known.", refused.Why)
	require.NotContains(t, refused.Why, "guess")
}

func TestVersion3(t *testing.T) {
	t.Parallel()
	tool(t, "snmpinform")
	addr, in, packets := station(t, trap.New(engine, 7, time.Now().Add(-time.Hour)), time.Now)
	users := map[string][]string{
		"plain":  {"-u", "plain", "-l", "noAuthNoPriv"},
		"signed": {"-u", "signed", "-l", "authNoPriv", "-a", "SHA", "-A", "auth-password"},
		"ops":    {"-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-password", "-x", "AES", "-X", "priv-password"},
		"strong": {"-u", "strong", "-l", "authPriv", "-a", "SHA-512", "-A", "auth-password", "-x", "AES-256", "-X", "priv-password"},
	}
	for name, u := range users {
		out, err := send(t, append(append([]string{"snmptrap", "-v3", "-e", "0x8000000001020304" + "0" + string('1'+name[0]%8)}, u...), append([]string{addr, "5", linkDown}, vars()...)...)...)
		require.NoError(t, err, out)
		g := next(t, in)
		require.NoError(t, g.err, name)
		require.Equal(t, name, g.m.Key)
		require.Equal(t, snmp.OID(linkDown), g.m.OID)
		require.Equal(t, "Gi0/3", g.m.Vars[1].Text())

		out, err = send(t, append(append([]string{"snmpinform", "-v3", "-r0", "-t5"}, u...), append([]string{addr, "5", linkDown}, vars()...)...)...)
		require.NoError(t, err, "%s: an inform is answered: %s", name, out)
		for {
			// A sender may first be told the time.
			if g = next(t, in); g.err == nil {
				break
			}
		}
		require.True(t, g.m.Inform, name)
		require.Equal(t, "Gi0/3", g.m.Vars[1].Text())
	}
	for what, u := range map[string][]string{
		`The SNMPv3 user "nobody" is not known.`:                                                          {"-u", "nobody", "-l", "noAuthNoPriv"},
		`A password or protocol of the SNMPv3 user "ops" is wrong.`:                                       {"-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", "other-password", "-x", "AES", "-X", "priv-password"},
		`The SNMPv3 user "ops" must send with the authentication and privacy that it was set up with.`:    {"-u", "ops", "-l", "authNoPriv", "-a", "SHA-256", "-A", "auth-password"},
		`The SNMPv3 user "strong" must send with the authentication and privacy that it was set up with.`: {"-u", "strong", "-l", "noAuthNoPriv"},
		`A password or protocol of the SNMPv3 user "signed" is wrong.`:                                    {"-u", "signed", "-l", "authNoPriv", "-a", "SHA-512", "-A", "auth-password"},
	} {
		out, err := send(t, append(append([]string{"snmpinform", "-v3", "-r0", "-t2"}, u...), addr, "5", linkDown)...)
		require.Error(t, err, "%s %s", what, out)
		var g got
		require.Eventually(t, func() bool {
			g = next(t, in)
			return g.err != nil && g.err.Error() == what
		}, 20*time.Second, time.Millisecond, what)
	}
	for len(packets) > 0 {
		<-packets
	}
}

// A recorded trap cannot be played again, once its engine said something newer.
func TestReplay(t *testing.T) {
	t.Parallel()
	tool(t, "snmptrap")
	r := trap.New(engine, 1, time.Now())
	addr, in, packets := station(t, r, time.Now)
	dir := t.TempDir()
	trapOf := func(boots string) []byte {
		out, err := send(t, "snmptrap", "-v3", "-e", "0x800000000102030405", "-Z", boots+",100", "-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-password", "-x", "AES", "-X", "priv-password", addr, "5", linkDown)
		require.NoError(t, err, "%s %s", dir, out)
		next(t, in)
		return <-packets
	}
	old := trapOf("3")
	m, _, err := r.Read(old, time.Now(), keys())
	require.NoError(t, err, "within the window")
	require.Equal(t, snmp.OID(linkDown), m.OID)
	_, _, err = r.Read(old, time.Now().Add(time.Hour), keys())
	require.ErrorContains(t, err, "older than")
	trapOf("4")
	_, _, err = r.Read(old, time.Now(), keys())
	require.ErrorContains(t, err, "older than")
	tampered := append([]byte(nil), trapOf("4")...)
	tampered[len(tampered)-1] ^= 1
	_, _, err = r.Read(tampered, time.Now(), keys())
	require.ErrorContains(t, err, "wrong")
}

func FuzzRead(f *testing.F) {
	v2 := "\x30\x3f\x02\x01\x01\x04\x0alab-secret\xa7\x2e\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x23\x30\x0d\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x43\x01\x05\x30\x12\x06\x0a\x2b\x06\x01\x06\x03\x01\x01\x04\x01\x00\x06\x04\x2b\x06\x01\x01"
	f.Add([]byte(v2))
	f.Add([]byte(strings.Replace(v2, "\xa7", "\xa6", 1)))
	f.Add([]byte("\x30\x2b\x02\x01\x00\x04\x0alab-secret\xa4\x1a\x06\x06\x2b\x06\x01\x04\x01\x09\x40\x04\xc0\x00\x02\x01\x02\x01\x06\x02\x01\x05\x43\x01\x01\x30\x00"))
	f.Add([]byte("\x30\x3e\x02\x01\x03\x30\x11\x02\x04\x12\x34\x56\x78\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\x04\x10\x30\x0e\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x00\x30\x14\x04\x00\x04\x00\xa0\x0e\x02\x04\x00\x00\x00\x01\x02\x01\x00\x02\x01\x00\x30\x00"))
	k := trap.NewKeys(trap.Key{Name: "lan", Target: snmp.Target{Version: snmp.V2c, Community: "lab-secret"}}, trap.Key{Name: "plain", Target: snmp.Target{Version: snmp.V3, User: "plain"}})
	r := trap.New(engine, 1, time.Unix(0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, reply, err := r.Read(b, time.Unix(60, 0), k)
		if m != nil {
			require.NoError(t, err)
			require.NotEmpty(t, m.OID)
			require.LessOrEqual(t, len(m.Vars), 1000)
			r.Answer(m, time.Unix(60, 0))
		}
		require.Less(t, len(reply), 1000, "a reply is no amplifier")
	})
}

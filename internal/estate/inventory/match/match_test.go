package match

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	t.Parallel()
	got := Clean(map[string][]string{
		"serial":      {" ABC  1 ", "To be filled by O.E.M.", "Default string", "0123456789", "0000000", "........"},
		"mac":         {"AA-BB-CC-00-11-22", "aabb.cc00.1122", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "nonsense"},
		"fqdn":        {"Web.Example.COM.", "web", "localhost.localdomain"},
		"system_uuid": {"03000200-0400-0500-0006-000700080009", "00000000-0000-0000-0000-000000000000"},
		"color":       {"red"},
	})
	require.Equal(t, Identity{"serial": {"abc 1"}, "mac": {"aa:bb:cc:00:11:22"}, "fqdn": {"web.example.com"}}, got)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	r := Builtin()
	id := func(kv ...string) Identity {
		out := Identity{}
		for n := 0; n < len(kv); n += 2 {
			out[kv[n]] = append(out[kv[n]], kv[n+1])
		}
		return out
	}
	for name, c := range map[string]struct {
		a, b Identity
		want Verdict
	}{
		"one strong key":               {id("serial", "s", "mac", "1"), id("serial", "s", "mac", "2"), Same},
		"nothing shared":               {id("serial", "s"), id("mac", "1"), Unrelated},
		"cloned machine id":            {id("machine_id", "m", "serial", "s1"), id("machine_id", "m", "serial", "s2"), Doubtful},
		"weak and nothing against":     {id("mac", "1"), id("mac", "1", "serial", "s"), Same},
		"weak against weak":            {id("mac", "1", "fqdn", "a.b"), id("mac", "2", "fqdn", "a.b"), Doubtful},
		"weak against strong":          {id("mac", "1", "serial", "s1"), id("mac", "1", "serial", "s2"), Different},
		"different":                    {id("serial", "s1"), id("serial", "s2"), Unrelated},
		"one MAC of several is enough": {id("mac", "1", "mac", "2"), id("mac", "2", "mac", "3"), Same},
	} {
		require.Equal(t, c.want, r.Compare(c.a, c.b).Verdict, name)
		require.Equal(t, c.want, r.Compare(c.b, c.a).Verdict, name+", turned")
	}
	got := r.Compare(id("machine_id", "m", "serial", "s1"), id("machine_id", "m", "serial", "s2"))
	require.Equal(t, []string{"machine_id m"}, got.Agree)
	require.Equal(t, []string{"serial s1 / s2"}, got.Against)
	require.Error(t, Rule{Strong: []string{"serial"}, Weak: []string{"serial", "color"}}.Check())
	require.NoError(t, r.Check())
}

package trap

import (
	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Key is something that a sender may be known by. Of the target only the version,
// the community and what belongs to version 3 are looked at.
type Key struct {
	Name   string
	Target snmp.Target
}

// Keys are those that are accepted. They do not change and are safe for use by many
// goroutines.
type Keys struct {
	communities map[string]string
	users       map[string][]user
}

type user struct {
	key string
	// level is what the user must send with: the flags of authentication and privacy.
	level byte
	usm   *gosnmp.UsmSecurityParameters
}

// NewKeys prepares keys. One that is not complete is left out: it opens nothing. A
// community of version 1 is good for version 2c and the other way round.
func NewKeys(keys ...Key) *Keys {
	out := &Keys{communities: map[string]string{}, users: map[string][]user{}}
	for _, k := range keys {
		if k.Target.Version != snmp.V3 {
			if k.Target.Community != "" {
				out.communities[k.Target.Community] = k.Name
			}
			continue
		}
		usm, flags, err := k.Target.USM()
		if err != nil {
			continue
		}
		out.users[usm.UserName] = append(out.users[usm.UserName], user{key: k.Name, level: byte(flags) & (flagAuth | flagPriv), usm: usm})
	}
	return out
}

func community(sets []*Keys, c string) (key string, ok bool) {
	for _, s := range sets {
		if s == nil {
			continue
		}
		if key, ok = s.communities[c]; ok {
			return key, true
		}
	}
	return "", false
}

func named(sets []*Keys, name string) []user {
	var out []user
	for _, s := range sets {
		if s != nil {
			out = append(out, s.users[name]...)
		}
	}
	return out
}

package wire

import "strings"

// stand are signs that the broker cannot carry in a topic, and those that stand for
// them inside.
var stand = []string{" ", "␠", "*", "＊", ">", "＞"}

// GoodTopic tells whether a name may be published to.
func GoodTopic(t string) bool { return goodName(t) && !strings.ContainsAny(t, "+#") }

func goodName(t string) bool {
	if t == "" || len(t) > maxTopicBytes || t[0] == '$' {
		return false
	}
	for _, r := range t {
		if r < ' ' || r == 0x7f || r == '␠' || r == '＊' || r == '＞' {
			return false
		}
	}
	return true
}

// GoodFilter tells whether a topic filter is well formed: + and # stand alone in their
// level, # at the end (MQTT 3.1.1, 4.7.1).
func GoodFilter(f string) bool {
	if !goodName(f) {
		return false
	}
	levels := strings.Split(f, "/")
	for i, l := range levels {
		if strings.ContainsAny(l, "+#") && len(l) > 1 || l == "#" && i < len(levels)-1 {
			return false
		}
	}
	return true
}

// Inside gives a topic as the broker carries it.
func Inside(t string) string {
	if !strings.ContainsAny(t, " *>") {
		return t
	}
	return strings.NewReplacer(stand...).Replace(t)
}

// Outside undoes Inside.
func Outside(t string) string {
	r := make([]string, 0, len(stand))
	for i := 0; i < len(stand); i += 2 {
		r = append(r, stand[i+1], stand[i])
	}
	return strings.NewReplacer(r...).Replace(t)
}

// Covers tells whether allow matches everything that the topic or filter f matches.
func Covers(allow, f string) bool {
	for {
		a, restA, moreA := strings.Cut(allow, "/")
		b, restB, moreB := strings.Cut(f, "/")
		switch {
		case a == "#":
			return true
		case b == "#", a != "+" && a != b:
			return false
		case !moreA:
			return !moreB
		case !moreB:
			return restA == "#"
		}
		allow, f = restA, restB
	}
}

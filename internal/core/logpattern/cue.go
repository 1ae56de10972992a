package logpattern

import "strings"

// cue tells how many different words position i must show, by the word before it.
func cue(toks []piece, i int) int {
	k := i - 1
	for k >= 0 && toks[k].kind == sign && (toks[k].text == "\"" || toks[k].text == "'" || toks[k].text == "[" || toks[k].text == "(" || toks[k].text == ":" || toks[k].text == "=") {
		k--
	}
	if i == 0 || k < 0 || toks[k].kind != word || !toks[i].space && k == i-1 {
		return manyPlain
	}
	if isCue(strings.ToLower(toks[i].text)) > 0 {
		return manyPlain // "for user": the name comes later
	}
	switch isCue(strings.ToLower(toks[k].text)) {
	case 2:
		return manyNamed
	case 1:
		return manyObject
	}
	return manyPlain
}

// isCue gives 2 for words behind which a name stands, 1 for words behind which an
// object stands.
func isCue(w string) int {
	switch w {
	case "user", "username", "login", "logname", "ruser", "account", "principal", "role", "group", "member",
		"host", "hostname", "server", "client", "node", "peer", "domain", "database", "table", "schema", "index",
		"device", "interface", "port", "disk", "volume", "filesystem", "file", "directory", "path",
		"pod", "container", "namespace", "deployment", "image", "job", "task", "unit", "queue", "topic", "session", "named":
		return 2
	case "for", "from", "by", "to", "at", "on", "of", "in", "with", "into", "via":
		return 1
	}
	return 0
}

// capitals tells whether w has no small letter.
func capitals(w string) bool {
	for i := range len(w) {
		if c := classes[w[i]]; c&cLetter != 0 && c&cUpper == 0 {
			return false
		}
	}
	return true
}

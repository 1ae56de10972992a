package logdb

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

var (
	// The engine ends its errors with up to 50 bytes of what it had read.
	contextRE = regexp.MustCompile(`(?s); context: \[(.*?)\](?:; |$)`)
	seeRE     = regexp.MustCompile(`;? see https?://\S+`)
)

// badQuery says where a query is wrong. The position counts characters from 1.
func badQuery(path, text string, err error) error {
	message, at := err.Error(), -1
	if m := contextRE.FindStringSubmatchIndex(message); m != nil {
		read := message[m[2]:m[3]]
		if i := strings.Index(text, read); i >= 0 {
			at = i + len(read)
		}
		message = message[:m[0]]
	}
	message = strings.TrimSuffix(seeRE.ReplaceAllString(message, ""), ".")
	message = strings.NewReplacer(
		`compound token cannot start with ""; put it into quotes if needed`, "a word is missing here",
		`compound token cannot start with "\""; put it into quotes if needed`, "a quote is not closed",
		`; got ""`, "", `unexpected token ""`, "unexpected end", `unexpected token: ""`, "unexpected end",
	).Replace(message)
	if at < 0 {
		return errs.Fields(errs.Field{Path: path, Value: shortened(text), Message: "cannot be read: " + message})
	}
	pos := utf8.RuneCountInString(strings.TrimRight(text[:at], " ")) // the end of the last word that was read
	return errs.Fields(errs.Field{Path: path, Value: shortened(text), Message: fmt.Sprintf("cannot be read near character %d: %s", max(pos, 1), message)})
}

func plain(err error) string {
	s := seeRE.ReplaceAllString(err.Error(), "")
	return strings.TrimSuffix(contextRE.ReplaceAllString(s, ""), ".")
}

func shortened(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

package archtest

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	fenced   = regexp.MustCompile("(?ms)^[ \t]*(```|~~~).*?^[ \t]*(```|~~~)[ \t]*$")
	inline   = regexp.MustCompile("`[^`\n]*`")
	comments = regexp.MustCompile(`(?s)<!--.*?-->`)
	link     = regexp.MustCompile(`!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	refLink  = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	heading  = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.+?)[ \t]*#*$`)
)

// TestDocumentLinksLeadSomewhere checks every relative link of every markdown
// file: the file has to exist, and the heading when the link names one.
// Links to other sites are not followed.
func TestDocumentLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	var broken []string
	seen := 0
	require.NoError(t, walk(repoRoot, func(p, full string) error {
		if !strings.HasSuffix(p, ".md") {
			return nil
		}
		seen++
		src, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		for _, target := range linksIn(string(src)) {
			if why := deadLink(repoRoot, p, target); why != "" {
				broken = append(broken, fmt.Sprintf("%s links to %s, but %s", p, target, why))
			}
		}
		return nil
	}))
	require.Positive(t, seen)
	report(t, broken)
}

// linksIn gives the targets of links and pictures outside code and comments.
func linksIn(text string) []string {
	text = prose(text)
	var out []string
	for _, re := range []*regexp.Regexp{link, refLink} {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
	}
	return out
}

// prose is text without comments and code.
func prose(text string) string {
	for _, re := range []*regexp.Regexp{fenced, comments, inline} {
		text = re.ReplaceAllString(text, "")
	}
	return text
}

// deadLink says why target, found in the document from, leads nowhere; empty when it is fine.
func deadLink(root, from, target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "that is not a link."
	}
	if u.Scheme != "" || u.Host != "" {
		return ""
	}
	file := from
	if u.Path != "" {
		file = path.Join(path.Dir(from), u.Path)
		if strings.HasPrefix(u.Path, "/") {
			return "it starts with a slash. Write it relative to the document."
		}
	}
	info, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return "there is no file " + file + ". Correct the link or write the page."
	}
	if u.Fragment == "" || info.IsDir() || !strings.HasSuffix(file, ".md") {
		return ""
	}
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return err.Error()
	}
	if !anchors(string(src))[u.Fragment] {
		return file + " has no heading " + u.Fragment + "."
	}
	return ""
}

// anchors are the names that headings get: lower case, punctuation dropped, spaces as hyphens.
func anchors(text string) map[string]bool {
	text = comments.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])
		for n, base := 1, name; out[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		out[name] = true
	}
	return out
}

func TestDeadLinksAreSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page := "# One\n\n## Two words\n\n[a](b.md) [c](#two-words) [d](#gone) `[e](f.md)` <!-- [g](h.md) -->\n```\n[i](j.md)\n```\n[k](https://example.org/x)\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.md"), []byte(page), 0o600))
	var dead []string
	for _, l := range linksIn(page) {
		if deadLink(dir, "a.md", l) != "" {
			dead = append(dead, l)
		}
	}
	require.Equal(t, []string{"b.md", "#gone"}, dead)
}

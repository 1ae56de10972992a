package record

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMarkdownIsRendered(t *testing.T) {
	t.Parallel()
	got := Markdown("# Hi\n\n**b** _i_ ~~d~~ `c`\n\n1. one\n2. two\n\n- [x] done\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n> q\n\n```sh\nls\n```\n\nhttps://example.org/x [m](mailto:a@example.org)\n")
	for _, want := range []string{"<h1>Hi</h1>", "<strong>b</strong>", "<em>i</em>", "<del>d</del>", "<code>c</code>", "<ol>", "<li>one</li>", `type="checkbox"`, "<table>", `align="right"`, "<blockquote>", "<pre>", `href="https://example.org/x"`, `href="mailto:a@example.org"`, "nofollow", "noreferrer"} {
		require.Contains(t, got, want)
	}
}

// Nothing in a comment runs, and nothing is loaded from elsewhere.
func TestMarkdownIsSafe(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"<script>alert(1)</script>", "<ScRiPt src=//evil.test/x.js></sCrIpT>", "<svg onload=alert(1)><script>1</script></svg>", "<img src=x onerror=alert(1)>",
		"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))", "[x](&#106;avascript:alert(1))", "<javascript:alert(1)>",
		"[x](data:text/html;base64,PHNjcmlwdD4=)", "![x](data:image/svg+xml;base64,PHN2Zz4=)", "![x](javascript:alert(1))", "![t](https://evil.test/pixel.png)",
		"[x](vbscript:x)", "[x](file:///etc/passwd)", "<iframe src=https://evil.test></iframe>", "<style>*{display:none}</style>", "<form action=//evil.test><input name=p>",
		"<a href=\"https://x.test\" onclick=\"alert(1)\">x</a>", "<div style=\"position:fixed\">x</div>", "<base href=//evil.test>", "<meta http-equiv=refresh content=0>",
		"![a\"onerror=alert(1)](https://x.test/\"onload=alert(1))", "[a](https://x.test \"t\" onclick=1)", "<object data=x></object><embed src=x>", "`<script>`", "<math><mtext><script>1</script>",
	} {
		requireSafe(t, src)
	}
	require.Contains(t, Markdown("![graph](https://x.test/g.png)"), `<a href="https://x.test/g.png"`, "a picture becomes a link to it")
}

var (
	tags = regexp.MustCompile(`(?i)<\s*/?\s*([a-z0-9]+)([^>]*)>`)
	href = regexp.MustCompile(`(?i)href="([^"]*)"`)
	good = map[string]bool{}
)

func init() {
	for _, tag := range strings.Fields("p br hr h1 h2 h3 h4 h5 h6 blockquote pre code em strong del ul ol li table thead tbody tr th td a input") {
		good[tag] = true
	}
}

func requireSafe(t *testing.T, src string) {
	t.Helper()
	got := Markdown(src)
	for _, m := range tags.FindAllStringSubmatch(got, -1) {
		require.True(t, good[strings.ToLower(m[1])], "%q gives %q", src, got)
		attrs := strings.ToLower(m[2])
		for _, bad := range []string{" on", "style=", "src=", "srcdoc", "formaction", "name=", "id=", "class="} {
			if i := strings.Index(attrs, bad); i >= 0 && !strings.Contains(attrs[:i], "href=\"") {
				t.Fatalf("%q gives %q", src, got)
			}
		}
	}
	for _, m := range href.FindAllStringSubmatch(got, -1) {
		scheme, _, ok := strings.Cut(strings.ToLower(m[1]), ":")
		if ok && !strings.ContainsAny(scheme, "/?#") {
			require.Contains(t, []string{"http", "https", "mailto"}, scheme, "%q gives %q", src, got)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"<script>", "[x](javascript:1)", "![x](y)", "a|b\n-|-\n1|2", "<svg/onload=1>", "\xff", "- [ ] x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 10_000 {
			requireSafe(t, s)
		}
	})
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"log.txt": "log.txt", "../../etc/passwd": "passwd", `..\..\windows\system.ini`: "system.ini", "/abs/olute": "olute", "C:\\x\\y.txt": "y.txt",
		"a\r\nSet-Cookie: x": "aSet-Cookie x", "a\x00b": "ab", `q"uote.txt`: "quote.txt", "..": "", ".": "", "/": "", "": "", "a/..": "", "Übersicht ü.pdf": "Übersicht ü.pdf", "<b>|*?": "b",
	} {
		require.Equal(t, want, cleanFileName(in), "%q", in)
	}
}

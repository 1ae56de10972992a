package record

import (
	"io"
	"mime"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// cleanFileName keeps the last element and drops what a file system or a header
// could misread.
func cleanFileName(s string) string {
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || strings.ContainsRune(`"<>|:*?`, r) {
			return -1
		}
		return r
	}, s)
	if s == "." || s == ".." || s == "/" {
		return ""
	}
	return s
}

// serveAttachment sends the file as a download: nothing that somebody uploaded
// is ever shown by the browser as a page of ours.
func serveAttachment(hc huma.Context, f *os.File, a Attachment) {
	defer f.Close()
	hc.SetHeader("Content-Type", "application/octet-stream")
	hc.SetHeader("Content-Length", strconv.FormatInt(a.Size, 10))
	hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
	hc.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = io.Copy(hc.BodyWriter(), f)
}

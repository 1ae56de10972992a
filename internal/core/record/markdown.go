package record

import (
	"bytes"
	"html"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.UGCPolicy()
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AllowURLSchemes("http", "https", "mailto")
	// A picture from elsewhere would tell its owner who reads the incident and when.
	p.SkipElementsContent("script", "style", "iframe", "object", "svg")
	return p
})

var renderer = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM))
})

// Markdown renders CommonMark with GitHub's extensions to HTML that is safe to
// show: raw HTML is left out, and what remains is sanitized.
func Markdown(src string) string {
	var b bytes.Buffer
	if err := renderer().Convert([]byte(src), &b); err != nil {
		return "<p>" + html.EscapeString(src) + "</p>"
	}
	return policy().Sanitize(b.String())
}

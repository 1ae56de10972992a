package record

import (
	"bytes"
	"html"
	"regexp"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	renderers "github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

var checkbox = regexp.MustCompile(`^checkbox$`)

var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "em", "strong", "del", "ul", "table", "thead", "tbody", "tr")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("align").Matching(bluemonday.CellAlign).OnElements("th", "td")
	p.AllowElements("ol", "li", "th", "td")
	p.AllowAttrs("type").Matching(checkbox).OnElements("input")
	p.AllowAttrs("checked", "disabled").OnElements("input")
	p.AllowAttrs("href").OnElements("a")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AllowURLSchemes("http", "https", "mailto")
	p.SkipElementsContent("script", "style", "iframe", "object", "svg")
	return p
})

var renderer = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Linkify, extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough, extension.TaskList), goldmark.WithRendererOptions(renderers.WithNodeRenderers(util.Prioritized(pictures{}, 100))))
})

// pictures writes a picture as a link to it: shown, a picture from elsewhere would
// tell its owner who reads the incident and when.
type pictures struct{}

// RegisterFuncs implements renderer.NodeRenderer of goldmark.
func (pictures) RegisterFuncs(r renderers.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			_, err := w.WriteString("</a>")
			return ast.WalkContinue, err
		}
		_, err := w.WriteString(`<a href="` + html.EscapeString(string(n.(*ast.Image).Destination)) + `">`)
		return ast.WalkContinue, err
	})
}

// Markdown renders CommonMark with GitHub's extensions to HTML that is safe to
// show: raw HTML is left out, and what remains is sanitized.
func Markdown(src string) string {
	var b bytes.Buffer
	if err := renderer().Convert([]byte(src), &b); err != nil {
		return "<p>" + html.EscapeString(src) + "</p>"
	}
	return policy().Sanitize(b.String())
}

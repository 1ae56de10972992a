package httpapi

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

var qualified = regexp.MustCompile(`(?:[\w.-]+/)*([\w-]+)\.(\w+)`)

// namer names the schemas of one API.
type namer struct{ operation string }

var inputBody = regexp.MustCompile(`^\w*?In(Body|put)?`)

// anonymous names a struct without a name by the operation that is being
// registered: create-check and its body become CreateCheckBody.
func (n *namer) anonymous(t reflect.Type, hint string) string {
	var b strings.Builder
	for _, part := range strings.Split(n.operation, "-") {
		b.WriteString(title(part))
	}
	return b.String() + title(strings.TrimPrefix(inputBody.ReplaceAllString(huma.DefaultSchemaNamer(t, hint), "Body"), b.String()))
}

// schemaName names a type in the OpenAPI document by package and type, so that
// two modules may each have a View: incident.View becomes IncidentView, and
// List[incident.View] becomes ListIncidentView.
func (n *namer) schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if name == "" {
		return n.anonymous(t, hint)
	}
	name = qualified.ReplaceAllStringFunc(name, func(s string) string {
		m := qualified.FindStringSubmatch(s)
		return join(m[1], m[2])
	})
	own := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	if own != "httpapi" && own != "" {
		name = join(own, name)
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("[],*. ·", r) {
			return -1
		}
		return r
	}, title(name))
}

// join puts the package before the name unless the name says it already.
func join(pkg, name string) string {
	if strings.HasPrefix(strings.ToLower(name), strings.ToLower(pkg)) {
		return title(name)
	}
	return title(pkg) + title(name)
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

package notify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// pageStyle is the only style the page may use; the policy names its hash.
const pageStyle = `:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#16181d;--dim:#5b6270;--line:#dfe2e8;--go:#2f5bea;--ok:#14713d;--bad:#b42318}
@media (prefers-color-scheme:dark){:root{--bg:#101216;--card:#191c22;--text:#eceef2;--dim:#a2a9b6;--line:#2c313b;--go:#3d66ee;--ok:#5fd08f;--bad:#ff8a7d}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--text);font:17px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{width:100%;max-width:460px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:24px}
h1{font-size:21px;line-height:1.3;margin:4px 0 12px;overflow-wrap:anywhere}p{margin:0 0 16px;overflow-wrap:anywhere}.dim{color:var(--dim);font-size:15px;margin:0}.ok{color:var(--ok);font-weight:600}.bad{color:var(--bad);font-weight:600}
button{width:100%;min-height:52px;border:0;border-radius:8px;background:var(--go);color:#fff;font:600 18px system-ui,sans-serif;cursor:pointer}button:focus-visible,a:focus-visible{outline:3px solid var(--go);outline-offset:3px}a{color:inherit}`

var pageTemplate = template.Must(template.New("ack").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>{{if .Incident}}{{.Incident}} {{end}}Acknowledge · Mainstay</title><style>{{.Style}}</style></head>
<body><main>
{{if .Problem}}<h1>This link does not work</h1><p class="bad" role="alert">{{.Problem}}</p>
{{else}}<p class="dim">{{.Incident}} · P{{.Priority}} · {{.State}}</p><h1>{{.Title}}</h1>
{{range .Items}}<p class="dim">{{.}}</p>{{end}}
{{if .Message}}<p{{if eq .Result "acknowledged"}} class="ok"{{end}} role="status">{{.Message}}</p>{{end}}
{{if eq .Result "ready"}}<form method="post"><button type="submit">Acknowledge</button></form><p class="dim">It stops the escalation and tells the others that you have it.</p>
{{else}}<p><a href="{{.URL}}">Open the incident</a></p>{{end}}{{end}}
</main></body></html>
`))

var pagePolicy = func() string {
	h := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

type page struct {
	Style                                        template.CSS
	Problem                                      string
	Incident, Title, State, Result, Message, URL string
	Priority                                     int
	Items                                        []string
}

// ackPage shows what a link would do; only the form, which sends a POST, does it.
// Programs that look at every link of a mail therefore acknowledge nothing.
func (s *Service) ackPage(w http.ResponseWriter, r *http.Request) {
	ctx := access.AsSystem(r.Context())
	token := r.PathValue("token")
	var res ackResult
	var err error
	if r.Method == http.MethodPost {
		res, err = s.acknowledge(ctx, token)
	} else {
		res, err = s.look(ctx, token)
	}
	p := page{Style: template.CSS(pageStyle), Incident: res.Incident, Title: res.Title, State: res.State, Result: res.Result, Message: res.Message, URL: res.url, Priority: res.priority, Items: res.items} //nolint:gosec // a constant
	status := http.StatusOK
	if err != nil {
		p.Problem = errs.Message(err)
		switch errs.CodeOf(err) {
		case errs.NotFound:
			status = http.StatusNotFound
		case errs.Forbidden:
			status = http.StatusForbidden
		default:
			// Not a 5xx: the edge logs the path of those, and the path is the token.
			status = http.StatusConflict
			s.logger.Error("an acknowledge link failed", "error", err)
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		s.logger.Error("the acknowledge page failed", "error", err)
		status = http.StatusConflict
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

package email

import (
	"bytes"
	html "html/template"
	"strings"
	text "text/template"
	"time"

	"github.com/mainstay-ops/mainstay/internal/respond"
)

const textBody = `{{.Lead}}
{{if .Incident.Number}}
Incident:  {{line .Incident.Number}} {{line .Incident.Title}}
Priority:  P{{.Incident.Priority}}
State:     {{.Incident.State}}
{{- if .Incident.Items}}
Items:     {{line (join .Incident.Items)}}{{end}}
Since:     {{when .Incident.ImpactStartedAt}}
{{- if .Incident.Output}}
Output:    {{line .Incident.Output}}{{end}}
{{end}}{{range .Lines}}
- {{line .}}{{end}}
{{- if .AckURL}}
Acknowledge: {{.AckURL}}
{{end}}{{if .URL}}
Open:        {{.URL}}
{{end}}
-- 
Sent by Mainstay. Replies to this address are not read.
`

const htmlBody = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{{.Subject}}</title></head>
<body style="margin:0;padding:24px;font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif">
<p style="margin:0 0 16px;font-size:17px;font-weight:600">{{.Lead}}</p>
{{if .Incident.Number}}<table style="border-collapse:collapse">
{{row "Incident" (printf "%s %s" .Incident.Number .Incident.Title)}}
{{row "Priority" (printf "P%d" .Incident.Priority)}}
{{row "State" .Incident.State}}
{{if .Incident.Items}}{{row "Items" (join .Incident.Items)}}{{end}}
{{row "Since" (when .Incident.ImpactStartedAt)}}
{{if .Incident.Output}}{{row "Output" .Incident.Output}}{{end}}
</table>{{end}}
{{if .Lines}}<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul>{{end}}
<p style="margin:24px 0">
{{if .AckURL}}<a href="{{.AckURL}}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:#2f5bea;color:#ffffff;text-decoration:none;font-weight:600">Acknowledge</a>&nbsp;&nbsp;{{end}}
{{if .URL}}<a href="{{.URL}}">Open the incident</a>{{end}}
</p>
<p style="color:#777777;font-size:13px">Sent by Mainstay. Replies to this address are not read.</p>
</body></html>
`

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func join(s []string) string { return strings.Join(s, ", ") }

// line makes one line of s, so that a value cannot look like a line of ours.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

var rowTemplate = html.Must(html.New("row").Parse(`<tr><td style="padding:2px 16px 2px 0;color:#777777;vertical-align:top">{{.Name}}</td><td style="padding:2px 0">{{.Value}}</td></tr>`))

func row(name, value string) (html.HTML, error) {
	var b bytes.Buffer
	err := rowTemplate.Execute(&b, struct{ Name, Value string }{name, value})
	return html.HTML(b.String()), err //nolint:gosec // made by html/template above
}

var (
	textTemplate = text.Must(text.New("text").Funcs(text.FuncMap{"when": when, "join": join, "line": line}).Parse(textBody))
	htmlTemplate = html.Must(html.New("html").Funcs(html.FuncMap{"when": when, "join": join, "row": row}).Parse(htmlBody))
)

func bodies(n respond.Notice) (plain, rich string, err error) {
	var t, h bytes.Buffer
	if err := textTemplate.Execute(&t, n); err != nil {
		return "", "", err
	}
	if err := htmlTemplate.Execute(&h, n); err != nil {
		return "", "", err
	}
	return t.String(), h.String(), nil
}

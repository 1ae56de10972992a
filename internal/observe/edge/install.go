package edge

import (
	_ "embed"
	"net/http"
	"regexp"
	"strings"
	"text/template"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

//go:embed install.sh.tmpl
var installScript string

var (
	installTmpl = template.Must(template.New("install.sh").Parse(installScript))
	tokenRE     = regexp.MustCompile(`^[A-Za-z0-9_-]{10,100}$`)
)

// quote makes one word of the shell of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// installHandler serves the script of the one line. Whether the token is good is told by
// the enrolment, so that the script says nothing to those who guess.
func (s *Service) installHandler(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if !tokenRE.MatchString(token) {
		httpapi.WriteProblem(w, errs.New(errs.Invalid, "The address needs ?token= with an enrolment token. Copy the line again from Edges, Add an edge."))
		return
	}
	w.Header().Set("Content-Type", "text/x-shellscript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := installTmpl.Execute(w, map[string]string{"URL": quote(s.d.Config.PublicURL), "Token": quote(token)}); err != nil {
		s.d.Logger.Debug("the install script was not sent", "error", err)
	}
}

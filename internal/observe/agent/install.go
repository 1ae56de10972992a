package agent

import (
	_ "embed"
	"net/http"
	"os"
	"regexp"
	"strings"
	"text/template"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed install.sh.tmpl
var installScript string

var (
	installTmpl = template.Must(template.New("install.sh").Parse(installScript))
	tokenRE     = regexp.MustCompile(`^[A-Za-z0-9_-]{10,100}$`)
)

// quote makes one word of the shell of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// line is what to run on the host to enroll it.
func (s *Service) line(kind, token string) string {
	u := s.d.Config.PublicURL
	if kind == observe.TokenForEdges {
		return "curl -fsS -o mainstay " + quote(u+"/agent/download/"+ownPlatform) + " && chmod +x mainstay && ./mainstay edge enroll --url " + quote(u) + " --token " + quote(token) + " && ./mainstay edge run"
	}
	return "curl -fsS " + quote(u+"/agent/install.sh?token="+token) + " | sudo sh"
}

// installHandler serves the script of the one line. The token is put in as it came:
// whether it is good is told by the enrolment, so that the script says nothing to
// those who guess.
func (s *Service) installHandler(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if !tokenRE.MatchString(token) {
		httpapi.WriteProblem(w, errs.New(errs.Invalid, "The address needs ?token= with an enrolment token. Copy the line again from Agents, Add a host."))
		return
	}
	w.Header().Set("Content-Type", "text/x-shellscript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := installTmpl.Execute(w, map[string]string{"URL": quote(s.d.Config.PublicURL), "Token": quote(token)}); err != nil {
		s.d.Logger.Debug("the install script was not sent", "error", err)
	}
}

// maxDownloads bounds how many hosts load the program at once.
const maxDownloads = 16

// downloadHandler serves the program: that of the server's own platform, and those that
// were placed in a dist folder.
func (s *Service) downloadHandler(w http.ResponseWriter, r *http.Request) {
	s.serveProgram(w, r, r.PathValue("platform"))
}

// openSelf opens the running program, also when its file was replaced meanwhile.
func openSelf() (*os.File, error) {
	if f, err := os.Open("/proc/self/exe"); err == nil {
		return f, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

package agent

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// platformRE is what a file of a program for another platform is called, as make dist
// names them.
var platformRE = regexp.MustCompile(`^mainstay-([a-z0-9]+-[a-z0-9]+)(\.exe)?$`)

// Download is a program that this server can give.
type Download struct {
	Platform string `json:"platform" doc:"Such as linux-amd64."`
	SHA256   string `json:"sha256"`
	Size     int64  `json:"size"`
	// Own says that it is the program that the server runs.
	Own     bool      `json:"own"`
	Version string    `json:"version,omitempty" doc:"Of the server's own program; that of a placed file is not known."`
	At      time.Time `json:"at" doc:"When the file was written."`

	path string
}

// programs knows the files by their size and time, so that each is read once.
type programs struct {
	version string
	dirs    []string

	mu    sync.Mutex
	known map[string]Download
}

// dist folders: in the data directory, and beside the program.
func newPrograms(data, version string) *programs {
	p := &programs{version: version, dirs: []string{filepath.Join(data, "dist")}, known: map[string]Download{}}
	if self, err := os.Executable(); err == nil {
		p.dirs = append(p.dirs, filepath.Join(filepath.Dir(self), "dist"))
	}
	return p
}

// list gives the programs by platform, that of the server first. For its own platform
// nothing else counts than what it runs itself.
func (p *programs) list() []Download {
	out := []Download{}
	if own, err := p.describe(ownPlatform, ""); err == nil {
		own.Own, own.Version = true, p.version
		out = append(out, own)
	}
	seen := map[string]bool{ownPlatform: true}
	for _, d := range p.dirs {
		es, err := os.ReadDir(d)
		if err != nil {
			continue
		}
		for _, e := range es {
			m := platformRE.FindStringSubmatch(e.Name())
			if m == nil || seen[m[1]] || !e.Type().IsRegular() {
				continue
			}
			if x, err := p.describe(m[1], filepath.Join(d, e.Name())); err == nil {
				seen[m[1]] = true
				out = append(out, x)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Download) int {
		if a.Own != b.Own {
			return map[bool]int{true: -1, false: 1}[a.Own]
		}
		return strings.Compare(a.Platform, b.Platform)
	})
	return out
}

// find gives the program for a platform.
func (p *programs) find(platform string) (Download, bool) {
	for _, x := range p.list() {
		if x.Platform == platform {
			return x, true
		}
	}
	return Download{}, false
}

// open opens what find gave; an empty path is the running program.
func (x Download) open() (*os.File, error) {
	if x.path == "" {
		return openSelf()
	}
	return os.Open(x.path)
}

func (p *programs) describe(platform, path string) (Download, error) {
	x := Download{Platform: platform, path: path}
	f, err := x.open()
	if err != nil {
		return x, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return x, err
	}
	x.Size, x.At = st.Size(), st.ModTime().UTC()
	key := platform + "\x00" + path + "\x00" + strconv.FormatInt(x.Size, 10) + "\x00" + x.At.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.known[key]; ok {
		return k, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return x, err
	}
	x.SHA256 = hex.EncodeToString(h.Sum(nil))
	p.known[key] = x
	return x, nil
}

// signed is the program as agents get it, signed by the newest authority that they all
// know.
func (s *Service) signed(x Download, try string) (*agentwire.Program, error) {
	s.ca.mu.RLock()
	defer s.ca.mu.RUnlock()
	if len(s.ca.all) == 0 {
		return nil, errs.New(errs.Unavailable, "The authority for agents is not ready yet.")
	}
	w := &agentwire.Program{Platform: x.Platform, Version: x.Version, SHA256: x.SHA256, Size: x.Size, Try: try}
	sum := sha256.Sum256(w.Signed())
	sig, err := ecdsa.SignASN1(rand.Reader, settled(s.ca.all, s.now()).key, sum[:])
	w.Signature = sig
	return w, err
}

// serveProgram gives a program: to agents over their port, and for a first install.
func (s *Service) serveProgram(w http.ResponseWriter, r *http.Request, platform string) {
	x, ok := s.programs.find(platform)
	if !ok {
		httpapi.WriteProblem(w, errs.New(errs.NotFound, "This server has no program for %s. Build it with make dist and put the file mainstay-%s into the folder dist of its data directory.", strconv.Quote(platform), strings.Trim(strconv.Quote(platform), `"`)))
		return
	}
	select {
	case s.downloads <- struct{}{}:
		defer func() { <-s.downloads }()
	default:
		w.Header().Set("Retry-After", "10")
		httpapi.WriteProblem(w, errs.New(errs.TooMany, "Many hosts load the program now. Try again in a moment."))
		return
	}
	f, err := x.open()
	if err != nil {
		s.d.Logger.Error("the program cannot be read for a download", "platform", platform, "error", err)
		httpapi.WriteProblem(w, errs.New(errs.Unavailable, "The program cannot be read on the server."))
		return
	}
	defer f.Close()
	name := "mainstay"
	if strings.HasPrefix(platform, "windows-") {
		name = "mainstay.exe"
	}
	// A slow line takes longer than other requests may.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Minute))
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	http.ServeContent(w, r, name, time.Time{}, f)
}

// updateFor gives the program that an agent is to become; nil when there is none.
func (s *Service) updateFor(a *agentRow, st agentwire.State) *agentwire.Program {
	if a.UpdateTry == "" || !st.Updates || st.Program == "" || st.Program == a.UpdateProgram || st.FailedTry == a.UpdateTry {
		return nil
	}
	x, ok := s.programs.find(st.Platform)
	if !ok || x.SHA256 != a.UpdateProgram {
		return nil // the server is another by now; who still wants it asks again
	}
	w, err := s.signed(x, a.UpdateTry)
	if err != nil {
		s.d.Logger.Error("a program cannot be signed", "error", err)
		return nil
	}
	return w
}

// ProgramState is how the program of an agent stands to that of the server.
type ProgramState struct {
	SHA256   string `json:"sha256,omitempty" doc:"Of the program that runs; empty when the agent did not say."`
	Platform string `json:"platform,omitempty"`
	// State: current is the same as the server has; other is another; unknown when the
	// agent did not say; none when the server has no program for it; asked while it is
	// to update; failed when it went back to the old one.
	State string     `json:"state" enum:"current,other,unknown,none,asked,failed"`
	Why   string     `json:"why,omitempty"`
	Asked *time.Time `json:"asked_at,omitempty"`
	// Updates says that the agent can update itself.
	Updates bool `json:"updates"`
}

func (s *Service) programOf(r *agentRow, have map[string]Download) ProgramState {
	st := reported(r.Reported)
	p := ProgramState{SHA256: st.Program, Platform: st.Platform, Updates: st.Updates, State: "unknown"}
	x, ok := have[st.Platform]
	switch {
	case st.Program == "":
	case !ok:
		p.State = "none"
	case st.Program == x.SHA256:
		p.State = "current"
	case r.UpdateTry != "" && st.FailedTry == r.UpdateTry:
		p.State, p.Why = "failed", clean(st.Why, 500)
	case r.UpdateTry != "" && r.UpdateProgram == x.SHA256:
		p.State, p.Asked = "asked", r.UpdateAt
	default:
		p.State = "other"
	}
	return p
}

func (s *Service) programMap() map[string]Download {
	m := map[string]Download{}
	for _, x := range s.programs.list() {
		m[x.Platform] = x
	}
	return m
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(b), `\u0000`, "")
}

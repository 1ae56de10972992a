package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wings are the eight wings of the house.
var wings = []string{"estate", "observe", "detect", "respond", "desk", "govern", "team", "report"}

// family is the kind of an adapter: "probe" of "probe/tcp".
func family(name string) string {
	kind, _, _ := strings.Cut(name, "/")
	return kind
}

// room says where in the house a package stands.
type room struct {
	kind string // core, wing, module, adapter, all, app, testkit, agent, edge, cmd, other, outside
	wing string // of a wing or module
	name string // of a module (its first directory) or adapter (kind/name)
}

// roomOf places a package by its path from the root of the repository.
func roomOf(pkg string) room {
	parts := strings.Split(pkg, "/")
	if parts[0] == "cmd" {
		return room{kind: "cmd"}
	}
	if parts[0] != "internal" || len(parts) < 2 {
		return room{kind: "outside"}
	}
	switch top := parts[1]; {
	case top == "core":
		return room{kind: "core"}
	case slices.Contains(wings, top) && len(parts) == 2:
		return room{kind: "wing", wing: top}
	case slices.Contains(wings, top):
		return room{kind: "module", wing: top, name: parts[2]}
	case top == "adapter" && len(parts) == 3 && parts[2] == "all":
		return room{kind: "all"}
	case top == "adapter" && len(parts) >= 4:
		return room{kind: "adapter", name: parts[2] + "/" + parts[3]}
	case top == "app" || top == "testkit" || top == "agent" || top == "edge":
		return room{kind: top}
	}
	return room{kind: "other"}
}

// forbidden says why from may not import to, with what to do instead; empty when it may.
func forbidden(from, to room) string {
	if to.kind == "testkit" && from.kind != "testkit" {
		return "testkit is for tests only. Move the import into a _test.go file."
	}
	switch from.kind {
	case "core":
		if to.kind != "core" {
			return "core knows no wing. Take what you need as an interface declared in core, or move the code into the wing."
		}
	case "wing":
		if to.kind != "core" {
			return "A wing package is a contract and stands on core alone. Put the type that both sides need into this wing or into core."
		}
	case "module":
		if to.kind == "core" || to.kind == "wing" || (to.kind == "module" && to == from) {
			return ""
		}
		if to.kind == "module" {
			return "Modules do not import modules. Link with an entity.Ref, react to its fact through the outbox, or ask a small interface in the wing package."
		}
		return "A module imports core, wing packages and its own children. Declare an interface in the wing package and let internal/app wire it."
	case "adapter":
		if to.kind == "core" || to.kind == "wing" || (to.kind == "adapter" && (to == from || to.name == family(from.name)+"/internal")) {
			return ""
		}
		return "An adapter imports core, one wing package and what its own kind shares in internal/adapter/<kind>/internal."
	case "all":
		if to.kind != "adapter" && to.kind != "core" {
			return "adapter/all only imports adapters, for their registration."
		}
	case "agent":
		if to.kind != "core" && to.kind != "agent" {
			return "The agent stands on core alone: a host needs no server. Take what you need as an interface declared in internal/agent and let cmd/mainstay wire it."
		}
	case "edge":
		if to.kind != "core" && to.kind != "agent" && to.kind != "edge" && (to.kind != "wing" || to.wing != "observe") {
			return "The edge stands on core, the wing observe and the agent's identity and buffer. Take what you need as an interface and let cmd/mainstay wire it."
		}
	case "cmd", "other", "outside":
		if to.kind == "module" || to.kind == "adapter" {
			return "Only internal/app and internal/adapter/all see implementations. Go through internal/app or the wing package."
		}
	}
	return ""
}

func TestImportLaw(t *testing.T) {
	t.Parallel()
	var broken []string
	wingsOf := map[string]map[string]bool{} // adapter -> wings it imports
	for _, f := range sources(t) {
		from := roomOf(f.pkg)
		for _, imp := range f.imports() {
			rel, ours := strings.CutPrefix(imp, modulePath+"/")
			if !ours {
				continue
			}
			to := roomOf(rel)
			if why := forbidden(from, to); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s. %s", f.path, rel, why))
			}
			if from.kind == "adapter" && to.kind == "wing" {
				if wingsOf[from.name] == nil {
					wingsOf[from.name] = map[string]bool{}
				}
				wingsOf[from.name][to.wing] = true
			}
		}
	}
	for name, ws := range wingsOf {
		if len(ws) > 1 {
			broken = append(broken, fmt.Sprintf("internal/adapter/%s imports %d wing packages. An adapter serves one wing; split it in two.", name, len(ws)))
		}
	}
	report(t, broken)
}

// TestImportLawRefuses proves that the law can fail: each pair names an import and the verdict.
func TestImportLawRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"internal/core/record", "internal/core/db", true},
		{"internal/core/record", "internal/respond", false},
		{"internal/core/record", "internal/respond/incident", false},
		{"internal/respond", "internal/core/entity", true},
		{"internal/respond", "internal/observe", false},
		{"internal/respond/incident", "internal/observe", true},
		{"internal/respond/incident", "internal/respond/incident/view", true},
		{"internal/respond/incident", "internal/respond/alert", false},
		{"internal/respond/incident", "internal/adapter/notify/smtp", false},
		{"internal/respond/incident", "internal/app", false},
		{"internal/respond/incident", "internal/testkit", false},
		{"internal/adapter/probe/tcp", "internal/observe", true},
		{"internal/adapter/probe/tcp", "internal/observe/check", false},
		{"internal/adapter/probe/tcp", "internal/adapter/probe/udp", false},
		{"internal/adapter/probe/tcp", "internal/adapter/probe/internal/probekit", true},
		{"internal/adapter/notify/email", "internal/adapter/probe/internal/probekit", false},
		{"internal/adapter/all", "internal/adapter/probe/tcp", true},
		{"internal/adapter/all", "internal/observe/check", false},
		{"internal/app", "internal/respond/incident", true},
		{"internal/app", "internal/adapter/all", true},
		{"cmd/mainstay", "internal/app", true},
		{"cmd/mainstay", "internal/respond/incident", false},
		{"internal/webui", "internal/observe/check", false},
		{"internal/agent/uplink", "internal/core/agentwire", true},
		{"internal/agent/uplink", "internal/agent/spool", true},
		{"internal/agent/host", "internal/observe", false},
		{"internal/observe/agent", "internal/agent/spool", false},
		{"cmd/mainstay", "internal/agent", true},
		{"internal/edge", "internal/observe", true},
		{"internal/edge", "internal/agent/spool", true},
		{"internal/edge", "internal/estate", false},
		{"internal/edge", "internal/observe/check", false},
		{"internal/edge", "internal/adapter/probe/tcp", false},
		{"internal/agent", "internal/edge", false},
		{"internal/observe/edge", "internal/edge", false},
	} {
		require.Equal(t, c.allowed, forbidden(roomOf(c.from), roomOf(c.to)) == "", "%s -> %s", c.from, c.to)
	}
}

// report fails the test with every finding at once.
func report(t *testing.T, findings []string) {
	t.Helper()
	slices.Sort(findings)
	for _, f := range slices.Compact(findings) {
		t.Error(f)
	}
}

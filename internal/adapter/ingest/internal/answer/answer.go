// Package answer is how HTTP protocols say that something was not taken.
package answer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Error writes a problem document. What may be sent again says when.
func Error(w http.ResponseWriter, err error) {
	switch errs.CodeOf(err) {
	case errs.TooMany:
		w.Header().Set("Retry-After", "5")
	case errs.Unavailable:
		w.Header().Set("Retry-After", "10")
	}
	httpapi.WriteProblem(w, err)
}

// Method refuses other methods; ok is false when it has answered.
func Method(w http.ResponseWriter, r *http.Request, methods ...string) (ok bool) {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", methods[0])
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}

// NotFound says that the protocol has no such path.
func NotFound(w http.ResponseWriter, r *http.Request, right string) {
	httpapi.WriteProblem(w, errs.New(errs.NotFound, "%q is not a path of this protocol. Send to %s.", r.URL.Path, right))
}

// Taken says that a batch was taken: without a body, as senders expect, or with the
// counts when the sender asks for JSON.
func Taken(w http.ResponseWriter, r *http.Request, got signal.Receipt) {
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A map of numbers and a text can always be written; a sender that hung up misses it.
	_ = json.NewEncoder(w).Encode(map[string]any{"taken": got.Taken, "dropped": got.Dropped, "why": got.Why})
}

package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Problem is an RFC 9457 problem document.
type Problem struct {
	Status int    `json:"status" doc:"The HTTP status."`
	Title  string `json:"title"`
	Detail string `json:"detail" doc:"A sentence for people."`
	Code   string `json:"code" doc:"A word for machines."`
	// Errors names the fields that are wrong.
	Errors []ProblemField `json:"errors,omitempty"`
	// Request is the id to quote when asking for help.
	Request string `json:"request,omitempty"`
}

// ProblemField says what is wrong with one field.
type ProblemField struct {
	Location string `json:"location" doc:"Where, for example body.name or checks[2].http.url."`
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// problemType is the media type of problem documents.
const problemType = "application/problem+json"

var statusOf = map[errs.Code]int{
	errs.Invalid: http.StatusUnprocessableEntity, errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict,
	errs.Precondition: http.StatusPreconditionFailed, errs.Unauthorized: http.StatusUnauthorized, errs.Forbidden: http.StatusForbidden,
	errs.TooMany: http.StatusTooManyRequests, errs.TooLarge: http.StatusRequestEntityTooLarge, errs.Unavailable: http.StatusServiceUnavailable,
	errs.Internal: http.StatusInternalServerError,
}

func codeOfStatus(status int) errs.Code {
	for c, s := range statusOf {
		if s == status {
			return c
		}
	}
	if status < 500 {
		return errs.Invalid
	}
	return errs.Internal
}

func toProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	code := errs.CodeOf(err)
	p = &Problem{Status: statusOf[code], Code: string(code), Detail: errs.Message(err)}
	p.Title = http.StatusText(p.Status)
	for _, f := range errs.FieldsOf(err) {
		pf := ProblemField{Location: f.Path, Message: f.Message, Line: f.Line}
		if f.Value != "" {
			pf.Value = f.Value
		}
		p.Errors = append(p.Errors, pf)
	}
	return p
}

// WriteProblem answers a plain handler with a problem document.
func WriteProblem(w http.ResponseWriter, err error) {
	p := toProblem(err)
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func init() {
	huma.DefaultArrayNullable = false
}

// short keeps an echoed value small and leaves whole objects out.
func short(v any) any {
	switch x := v.(type) {
	case string:
		if len(x) > 100 {
			return x[:100] + "…"
		}
		return x
	case map[string]any, []any:
		return nil
	}
	return v
}

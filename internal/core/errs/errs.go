// Package errs gives every error a code for machines and a sentence for people.
// Internals are wrapped, logged once at the edge and never shown.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error; httpapi turns it into a status.
type Code string

// The codes, with the HTTP status they become.
const (
	Invalid      Code = "invalid"      // 422
	NotFound     Code = "not_found"    // 404
	Conflict     Code = "conflict"     // 409
	Precondition Code = "precondition" // 412
	Unauthorized Code = "unauthorized" // 401
	Forbidden    Code = "forbidden"    // 403
	TooMany      Code = "too_many"     // 429
	TooLarge     Code = "too_large"    // 413
	Unavailable  Code = "unavailable"  // 503
	Internal     Code = "internal"     // 500
)

// Field says what is wrong with one input field.
type Field struct {
	// Path in the input, for example "checks[2].http.url".
	Path string `json:"path"`
	// Message: what is wrong and what would be right.
	Message string `json:"message"`
	// Value as given, shortened; empty for secrets.
	Value string `json:"value,omitempty"`
	// Line in the input file, 0 if it did not come from one.
	Line int `json:"line,omitempty"`
}

// Error is what use cases return.
type Error struct {
	Code    Code
	Message string
	Fields  []Field
	Err     error
}

// Error implements error, with the cause for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error with a sentence for people.
func New(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Wrap keeps cause for the log and shows only the sentence.
func Wrap(c Code, cause error, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...), Err: cause}
}

// Fields makes an Invalid error out of field errors, or nil when there are none.
func Fields(fs ...Field) error {
	if len(fs) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "The input is not valid.", Fields: fs}
}

// CodeOf tells the code of err, Internal when it has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// FieldsOf gives the field errors inside err.
func FieldsOf(err error) []Field {
	var e *Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// Message is the sentence for people; an error without one becomes a general sentence.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong inside Mainstay. The details are in its log."
}

// Is tells whether err carries the code c.
func Is(err error, c Code) bool { return err != nil && CodeOf(err) == c }

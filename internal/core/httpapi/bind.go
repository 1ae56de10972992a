package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// bodyTimeout is how long a client may take to send the body of an operation.
const bodyTimeout = 5 * time.Second

// refusal is a request that does not fit the description of its operation.
type refusal struct {
	status  int
	detail  string
	details []error
}

// serve answers one request.
func (a *API) serve(ctx huma.Context, o *operation) {
	in := reflect.New(o.in)
	if r := a.bind(ctx, o, in.Elem()); r != nil {
		a.writeProblem(ctx, r.problem())
		return
	}
	if c, ok := in.Interface().(huma.Resolver); ok {
		if bad := c.Resolve(ctx); len(bad) > 0 {
			a.writeProblem(ctx, (&refusal{status: http.StatusUnprocessableEntity, details: bad}).problem())
			return
		}
	}
	out, err := o.call(ctx.Context(), in.Interface())
	if err != nil {
		a.writeProblem(ctx, err)
		return
	}
	a.answer(ctx, o, out)
}

// bind reads the request into in, a struct of the type o.in.
func (a *API) bind(ctx huma.Context, o *operation, in reflect.Value) *refusal {
	res := &huma.ValidateResult{}
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	for i := range o.params {
		a.bindParam(ctx, &o.params[i], in, path, res)
	}
	status := http.StatusUnprocessableEntity
	if o.body != nil || o.raw != nil {
		if o.BodyReadTimeout > 0 {
			// Not every connection has deadlines; then the server's own holds.
			_ = ctx.SetReadDeadline(time.Now().Add(o.BodyReadTimeout))
		}
		body, r := readAll(ctx, o.MaxBodyBytes)
		if r != nil {
			return r
		}
		if o.raw != nil {
			in.FieldByIndex(o.raw).SetBytes(body)
		}
		switch {
		case len(body) == 0 && o.RequestBody.Required:
			return &refusal{status: http.StatusBadRequest, detail: "The request has no body, and this operation needs one.", details: res.Errors}
		case o.body != nil && len(body) > 0:
			if s := a.bindBody(ctx, o, in, body, path, res); s != 0 {
				status = s
			}
		}
	}
	if len(res.Errors) > 0 {
		return &refusal{status: status, details: res.Errors}
	}
	return nil
}

func (a *API) bindParam(ctx huma.Context, p *parameter, in reflect.Value, path *huma.PathBuffer, res *huma.ValidateResult) {
	path.Reset()
	path.Push(p.in)
	path.Push(p.name)
	var value string
	switch p.in {
	case "path":
		value = ctx.Param(p.name)
	case "query":
		value = ctx.Query(p.name)
	case "header":
		value = ctx.Header(p.name)
	}
	if value == "" {
		value = p.fallback
	}
	if value == "" {
		if p.required {
			res.Add(path, "", "must be given")
		}
		return
	}
	var several []string
	if p.explode {
		u := ctx.URL()
		several = u.Query()[p.name]
	}
	field := in.FieldByIndex(p.field)
	if wrong := set(field, value, several); wrong != "" {
		res.Add(path, value, wrong)
		return
	}
	huma.Validate(a.huma.OpenAPI().Components.Schemas, p.schema, path, huma.ModeWriteToServer, checkable(field, value), res)
}

// bindBody checks the body against its schema and reads it. It gives the status of
// a refusal that is not 422.
func (a *API) bindBody(ctx huma.Context, o *operation, in reflect.Value, body []byte, path *huma.PathBuffer, res *huma.ValidateResult) int {
	media := ctx.Header("Content-Type")
	if media == "" {
		media = "application/json"
	}
	var plain any
	if err := a.huma.Unmarshal(media, body, &plain); err != nil {
		res.Errors = append(res.Errors, &huma.ErrorDetail{Location: "body", Message: err.Error(), Value: string(body)})
		if errors.Is(err, huma.ErrUnknownContentType) {
			return http.StatusUnsupportedMediaType
		}
		return http.StatusBadRequest
	}
	before := len(res.Errors)
	path.Reset()
	path.Push("body")
	huma.Validate(a.huma.OpenAPI().Components.Schemas, o.schema, path, huma.ModeWriteToServer, plain, res)
	if len(res.Errors) > before {
		return 0
	}
	field := in.FieldByIndex(o.body)
	if err := a.huma.Unmarshal(media, body, field.Addr().Interface()); err != nil {
		res.Errors = append(res.Errors, &huma.ErrorDetail{Location: "body", Message: err.Error(), Value: string(body)})
		return 0
	}
	fill(field, o.defaults)
	return 0
}

// readAll reads the body up to limit bytes.
func readAll(ctx huma.Context, limit int64) ([]byte, *refusal) {
	var b bytes.Buffer
	_, err := b.ReadFrom(io.LimitReader(ctx.BodyReader(), limit+1))
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return nil, &refusal{status: http.StatusRequestTimeout, detail: "The body of the request did not arrive in time."}
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, detail: "The body of the request broke off."}
	case int64(b.Len()) > limit:
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The request is larger than the %d bytes that this operation takes.", limit)}
	}
	return b.Bytes(), nil
}

// readable tells whether set can write to t.
func readable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	}
	return t == stringsType || t == timeType
}

// set reads text into f and says what would be right when it cannot. several are
// the texts of a list that were given one by one.
func set(f reflect.Value, text string, several []string) string {
	switch {
	case f.Type() == stringsType:
		if several == nil {
			several = strings.Split(text, ",")
		}
		f.Set(reflect.ValueOf(several))
		return ""
	case f.Type() == timeType:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return "must be a time such as 2026-11-23T08:00:00Z"
		}
		f.Set(reflect.ValueOf(t))
		return ""
	}
	bits := 0
	if f.CanInt() || f.CanUint() || f.CanFloat() {
		bits = f.Type().Bits()
	}
	switch {
	case f.Kind() == reflect.String:
		f.SetString(text)
	case f.Kind() == reflect.Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return "must be true or false"
		}
		f.SetBool(v)
	case f.CanInt():
		v, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return "must be a whole number"
		}
		f.SetInt(v)
	case f.CanUint():
		v, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return "must be a whole number, 0 or greater"
		}
		f.SetUint(v)
	case f.CanFloat():
		v, err := strconv.ParseFloat(text, bits)
		if err != nil {
			return "must be a number"
		}
		f.SetFloat(v)
	}
	return ""
}

// checkable is the value of a parameter in the form that huma.Validate knows.
func checkable(f reflect.Value, text string) any {
	switch {
	case f.Type() == stringsType:
		return f.Interface()
	case f.CanInt():
		return f.Int()
	case f.CanUint():
		return f.Uint()
	case f.CanFloat():
		return f.Float()
	case f.Kind() == reflect.Bool:
		return f.Bool()
	}
	return text
}

// problem turns a refusal into the form of every error.
func (r *refusal) problem() *Problem {
	p := &Problem{Status: r.status, Title: http.StatusText(r.status), Code: string(codeOfStatus(r.status)), Detail: r.detail}
	if p.Detail == "" {
		p.Detail = "The input is not valid."
	}
	if r.status == http.StatusBadRequest || r.status == http.StatusUnsupportedMediaType {
		p.Code = string(errs.Invalid)
	}
	for _, c := range r.details {
		var d huma.ErrorDetailer
		if errors.As(c, &d) {
			e := d.ErrorDetail()
			p.Errors = append(p.Errors, ProblemField{Location: e.Location, Message: e.Message, Value: short(e.Value)})
		} else {
			p.Errors = append(p.Errors, ProblemField{Message: c.Error()})
		}
	}
	return p
}

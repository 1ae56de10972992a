package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// answer writes what an operation gave; nil is success without content.
func (a *API) answer(ctx huma.Context, o *operation, out any) {
	if out == nil {
		ctx.SetStatus(o.DefaultStatus)
		return
	}
	v := reflect.ValueOf(out).Elem()
	media := ""
	for _, h := range o.headers {
		value := headerText(v.FieldByIndex(h.field))
		if value == "" {
			continue
		}
		if h.name == "Content-Type" {
			media = value
		}
		ctx.SetHeader(h.name, value)
	}
	status := o.DefaultStatus
	if o.status != nil {
		status = int(v.FieldByIndex(o.status).Int())
	}
	if o.answer == nil {
		ctx.SetStatus(status)
		return
	}
	switch body := v.FieldByIndex(o.answer).Interface().(type) {
	case func(huma.Context):
		body(ctx)
	case []byte:
		ctx.SetStatus(status)
		// A client that went away is no error of ours.
		_, _ = ctx.BodyWriter().Write(body)
	default:
		a.encode(ctx, status, media, body)
	}
}

// encode writes body in the form that the client asked for, JSON if in doubt.
func (a *API) encode(ctx huma.Context, status int, media string, body any) {
	if media == "" {
		var err error
		if media, err = a.huma.Negotiate(ctx.Header("Accept")); err != nil {
			media = "application/json"
		}
		ctx.SetHeader("Content-Type", media)
	}
	ctx.SetStatus(status)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	if err := a.huma.Marshal(ctx.BodyWriter(), media, body); err != nil && !errors.Is(ctx.Context().Err(), context.Canceled) {
		// The status is sent. The client sees that the body ends too early.
		a.logger.Error("an answer was not written", "request_id", RequestID(ctx.Context()), "operation", ctx.Operation().OperationID, "error", err)
	}
}

// headerText is the text of a header; "" leaves it out.
func headerText(f reflect.Value) string {
	switch {
	case f.Kind() == reflect.String:
		return f.String()
	case f.CanInt():
		return strconv.FormatInt(f.Int(), 10)
	case f.Type() == cookieType:
		c, _ := f.Addr().Interface().(*http.Cookie)
		return c.String()
	}
	panic("httpapi: a header of the type " + f.Type().String())
}

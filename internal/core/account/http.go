package account

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// ClientIn captures where a request comes from.
type ClientIn struct {
	address, userAgent string
}

// Resolve implements huma.Resolver.
func (c *ClientIn) Resolve(ctx huma.Context) []error {
	addr := ctx.RemoteAddr()
	if i := strings.LastIndexByte(addr, ':'); i > 0 {
		addr = strings.Trim(addr[:i], "[]")
	}
	c.address, c.userAgent = addr, ctx.Header("User-Agent")
	return nil
}

type sessionBody struct {
	Account     *Account    `json:"account,omitempty"`
	Role        access.Role `json:"role"`
	Permissions []string    `json:"permissions"`
	Version     string      `json:"version"`
}

type sessionOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      sessionBody
}

// HTTP adds the operations on people, teams, sessions, tokens and the audit log.
type HTTP struct {
	Service *Service
	DB      *db.DB
	Set     *access.Set
	Version string
	// Secure marks the cookie for HTTPS only.
	Secure bool
}

func (h *HTTP) cookie(value string, age time.Duration) http.Cookie {
	c := http.Cookie{Name: httpapi.CookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.Secure}
	if value == "" {
		c.MaxAge = -1
	} else {
		c.MaxAge = int(age.Seconds())
	}
	return c
}

func (h *HTTP) body(ctx context.Context, p *access.Principal) (sessionBody, error) {
	b := sessionBody{Role: p.Role, Permissions: h.Set.Of(p), Version: h.Version}
	if p.Kind == access.Person {
		a, err := ByID(ctx, h.DB.Reader(), p.ID)
		if err != nil {
			return b, err
		}
		b.Account = a
	}
	return b, nil
}

func (h *HTTP) signedIn(ctx context.Context, value string, a *Account) (*sessionOut, error) {
	p, err := h.Service.BySession(ctx, value)
	if err != nil {
		return nil, err
	}
	b, err := h.body(ctx, p)
	return &sessionOut{SetCookie: h.cookie(value, h.Service.lifetime), Body: b}, err
}

type setupIn struct {
	ClientIn
	Body struct {
		Token    string `json:"token" minLength:"10" maxLength:"200" doc:"Value of the one-time link."`
		Name     string `json:"name" minLength:"1" maxLength:"100"`
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" minLength:"10" maxLength:"200"`
		TimeZone string `json:"time_zone,omitempty" maxLength:"64"`
	}
}

type loginIn struct {
	ClientIn
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
	}
}

// Routes adds the operations.
func (h *HTTP) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "setup", Method: "POST", Path: "/api/v1/setup", Public: true, Tag: "session", Summary: "Make the first account with the one-time link"},
		func(ctx context.Context, in *setupIn) (*sessionOut, error) {
			v, a, err := h.Service.Setup(ctx, in.Body.Token, NewAccount{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password, TimeZone: in.Body.TimeZone}, in.address, in.userAgent)
			if err != nil {
				return nil, err
			}
			return h.signedIn(ctx, v, a)
		})
	httpapi.Handle(api, httpapi.Op{ID: "login", Method: "POST", Path: "/api/v1/session", Public: true, Tag: "session", Summary: "Sign in"},
		func(ctx context.Context, in *loginIn) (*sessionOut, error) {
			v, a, err := h.Service.Login(ctx, in.Body.Email, in.Body.Password, in.address, in.userAgent)
			if err != nil {
				return nil, err
			}
			return h.signedIn(ctx, v, a)
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-session", Method: "GET", Path: "/api/v1/session", Public: true, Tag: "session", Summary: "Who am I and what may I do"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[sessionBody], error) {
			p := access.From(ctx)
			if p == nil {
				return nil, errs.New(errs.Unauthorized, "Nobody is signed in.")
			}
			b, err := h.body(ctx, p)
			return &httpapi.Body[sessionBody]{Body: b}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "logout", Method: "DELETE", Path: "/api/v1/session", Public: true, Tag: "session", Summary: "Sign out", Status: http.StatusNoContent},
		func(ctx context.Context, _ *struct{}) (*struct {
			SetCookie http.Cookie `header:"Set-Cookie"`
		}, error,
		) {
			if p := access.From(ctx); p != nil && p.SessionID != "" {
				if err := h.Service.Logout(ctx, p.SessionID); err != nil {
					return nil, err
				}
			}
			return &struct {
				SetCookie http.Cookie `header:"Set-Cookie"`
			}{h.cookie("", 0)}, nil
		})
	h.own(api)
	h.people(api)
	h.teams(api)
	h.tokens(api)
	h.audit(api)
}

type personIn struct {
	ID string `path:"id"`
}

type newPersonIn struct {
	Body struct {
		Email    string      `json:"email" maxLength:"254"`
		Name     string      `json:"name,omitempty" maxLength:"100"`
		Role     access.Role `json:"role" enum:"viewer,responder,operator,admin"`
		Password string      `json:"password,omitempty" maxLength:"200" doc:"Without one the person is told things but cannot sign in."`
		TimeZone string      `json:"time_zone,omitempty" maxLength:"64"`
	}
}

type patchPersonIn struct {
	ID      string `path:"id"`
	IfMatch string `header:"If-Match"`
	Body    struct {
		Name     *string      `json:"name,omitempty" maxLength:"100"`
		Role     *access.Role `json:"role,omitempty" enum:"viewer,responder,operator,admin"`
		Password *string      `json:"password,omitempty" maxLength:"200"`
		TimeZone *string      `json:"time_zone,omitempty" maxLength:"64"`
		Disabled *bool        `json:"disabled,omitempty"`
	}
}

func (h *HTTP) people(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-people", Method: "GET", Path: "/api/v1/people", Need: Read, Tag: "people", Summary: "All people"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Account]], error) {
			as, err := List(ctx, h.DB.Reader())
			return httpapi.NewList(as, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-person", Method: "POST", Path: "/api/v1/people", Need: Write, Tag: "people", Summary: "Add a person", Status: http.StatusCreated},
		func(ctx context.Context, in *newPersonIn) (*httpapi.Body[*Account], error) {
			var a *Account
			err := h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				a, err = h.Service.Create(ctx, tx, NewAccount{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role, Password: in.Body.Password, TimeZone: in.Body.TimeZone})
				return err
			})
			return &httpapi.Body[*Account]{Body: a}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-person", Method: "GET", Path: "/api/v1/people/{id}", Need: Read, Tag: "people", Summary: "One person"},
		func(ctx context.Context, in *personIn) (*httpapi.Body[*Account], error) {
			a, err := ByID(ctx, h.DB.Reader(), in.ID)
			return &httpapi.Body[*Account]{ETag: httpapi.ETag(a.Version), Body: a}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-person", Method: "PATCH", Path: "/api/v1/people/{id}", Need: Write, Tag: "people", Summary: "Change a person"},
		func(ctx context.Context, in *patchPersonIn) (*httpapi.Body[*Account], error) {
			a, err := h.Service.Update(ctx, in.ID, in.IfMatch, Patch{Name: in.Body.Name, Role: in.Body.Role, Password: in.Body.Password, TimeZone: in.Body.TimeZone, Disabled: in.Body.Disabled})
			return &httpapi.Body[*Account]{Body: a}, err
		})
}

type teamView struct {
	Team
	Members []Member `json:"members"`
}

type teamIn struct {
	Name string `path:"name"`
}

type saveTeamIn struct {
	Name string `path:"name"`
	Body struct {
		Title   string   `json:"title,omitempty" maxLength:"200"`
		Members []string `json:"members" maxItems:"500" doc:"E-mail addresses; unknown ones become people who can be told things."`
	}
}

func (h *HTTP) teams(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-teams", Method: "GET", Path: "/api/v1/teams", Need: Read, Tag: "teams", Summary: "All teams with their members"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[teamView]], error) {
			ts, err := Teams(ctx, h.DB.Reader())
			if err != nil {
				return nil, err
			}
			out := make([]teamView, len(ts))
			for i, t := range ts {
				out[i].Team = t
				if out[i].Members, err = Members(ctx, h.DB.Reader(), t.ID); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-team", Method: "PUT", Path: "/api/v1/teams/{name}", Need: Write, Tag: "teams", Summary: "Make a team or change it"},
		func(ctx context.Context, in *saveTeamIn) (*httpapi.Body[teamView], error) {
			var v teamView
			err := h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				t, _, err := h.Service.SaveTeam(ctx, tx, in.Name, in.Body.Title, in.Body.Members)
				if err != nil {
					return err
				}
				v.Team = *t
				v.Members, err = Members(ctx, tx, t.ID)
				return err
			})
			return &httpapi.Body[teamView]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-team", Method: "DELETE", Path: "/api/v1/teams/{name}", Need: Write, Tag: "teams", Summary: "Remove a team", Status: http.StatusNoContent},
		func(ctx context.Context, in *teamIn) (*struct{}, error) {
			return nil, h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return h.Service.DeleteTeam(ctx, tx, in.Name) })
		})
}

type newTokenIn struct {
	Body struct {
		Name    string      `json:"name" minLength:"1" maxLength:"100"`
		Role    access.Role `json:"role" enum:"viewer,responder,operator,admin"`
		Scopes  []string    `json:"scopes,omitempty" maxItems:"100" doc:"Permissions, or prefixes that end in a dot."`
		Expires string      `json:"expires,omitempty" doc:"A duration from now such as 720h; empty means never."`
	}
}

type newToken struct {
	APIToken
	Token string `json:"token" doc:"The value; it is shown only now."`
}

func (h *HTTP) tokens(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-tokens", Method: "GET", Path: "/api/v1/tokens", Need: Tokens, Tag: "tokens", Summary: "API tokens, without their values"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[APIToken]], error) {
			ts, err := ListTokens(ctx, h.DB.Reader())
			return httpapi.NewList(ts, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-token", Method: "POST", Path: "/api/v1/tokens", Need: Tokens, Tag: "tokens", Summary: "Make an API token", Status: http.StatusCreated},
		func(ctx context.Context, in *newTokenIn) (*httpapi.Body[newToken], error) {
			var d time.Duration
			if in.Body.Expires != "" {
				var err error
				if d, err = time.ParseDuration(in.Body.Expires); err != nil || d <= 0 {
					return nil, errs.Fields(errs.Field{Path: "body.expires", Value: in.Body.Expires, Message: "must be a duration such as 720h"})
				}
			}
			for _, s := range in.Body.Scopes {
				if !strings.HasSuffix(s, ".") && !h.Set.Has(s) {
					return nil, errs.Fields(errs.Field{Path: "body.scopes", Value: s, Message: "is not a permission"})
				}
			}
			var out newToken
			err := h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				t, v, err := h.Service.CreateToken(ctx, tx, NewToken{Name: in.Body.Name, Role: in.Body.Role, Scopes: in.Body.Scopes, Expires: d})
				if err != nil {
					return err
				}
				out = newToken{*t, v}
				return nil
			})
			return &httpapi.Body[newToken]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "revoke-token", Method: "DELETE", Path: "/api/v1/tokens/{id}", Need: Tokens, Tag: "tokens", Summary: "Revoke an API token", Status: http.StatusNoContent},
		func(ctx context.Context, in *personIn) (*struct{}, error) {
			return nil, h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return h.Service.RevokeToken(ctx, tx, in.ID) })
		})
}

type auditIn struct {
	Kind   string `query:"kind" doc:"Kind of the thing that changed."`
	ID     string `query:"id"`
	Actor  string `query:"actor" doc:"Id of who changed it."`
	Action string `query:"action"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor int64  `query:"cursor" minimum:"0"`
}

func (h *HTTP) audit(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-audit", Method: "GET", Path: "/api/v1/audit", Need: Audit, Tag: "audit", Summary: "Every change, newest first"},
		func(ctx context.Context, in *auditIn) (*httpapi.Body[httpapi.List[audit.Entry]], error) {
			es, err := audit.List(ctx, h.DB.Reader(), audit.Filter{Ref: entity.Ref{Kind: in.Kind, ID: in.ID}, Actor: in.Actor, Action: in.Action, Before: in.Cursor, Limit: in.Limit})
			next := ""
			if len(es) == in.Limit {
				next = formatSeq(es[len(es)-1].Seq)
			}
			return httpapi.NewList(es, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "verify-audit", Method: "GET", Path: "/api/v1/audit/verify", Need: Audit, Tag: "audit", Summary: "Check that no audit entry was altered"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[struct {
			OK     bool  `json:"ok"`
			Broken int64 `json:"broken,omitempty" doc:"seq of the first entry that does not fit."`
		}], error,
		) {
			n, err := audit.Verify(ctx, h.DB.Reader())
			out := &httpapi.Body[struct {
				OK     bool  `json:"ok"`
				Broken int64 `json:"broken,omitempty" doc:"seq of the first entry that does not fit."`
			}]{}
			out.Body.OK, out.Body.Broken = n == 0, n
			return out, err
		})
}

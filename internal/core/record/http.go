package record

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
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// MaxAttachment is the largest file that can be attached, in bytes.
const MaxAttachment = 25 << 20

// NumberIn names a record in the path.
type NumberIn struct {
	Number string `path:"number" doc:"For example INC-12."`
}

type timelineIn struct {
	NumberIn
	httpapi.Page
}

type commentIn struct {
	NumberIn
	Body struct {
		Body string `json:"body" doc:"Markdown." minLength:"1" maxLength:"65536"`
	}
}

type itemIn struct {
	NumberIn
	Body struct {
		Kind string `json:"kind,omitempty" default:"item" doc:"Kind of the thing; item if not given."`
		Name string `json:"name" minLength:"1" doc:"Its name or number."`
	}
}

type itemOut struct {
	NumberIn
	Kind string `path:"kind"`
	Name string `path:"name"`
}

// Attachment is a file on a record.
type Attachment struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

// Routes adds what every kind has: timeline, comments, items, watchers and
// attachments, below /api/v1/<plural>/{number}.
func (s *Service) Routes(api *httpapi.API, kind string) {
	k := s.kinds[kind]
	base := "/api/v1/" + k.Plural + "/{number}"
	low := strings.ToLower(k.Title)
	httpapi.Handle(api, httpapi.Op{ID: "list-" + k.Name + "-timeline", Method: "GET", Path: base + "/timeline", Need: k.Read, Tag: k.Plural, Summary: "Timeline of one " + low + ", oldest first"},
		func(ctx context.Context, in *timelineIn) (*httpapi.Body[httpapi.List[Entry]], error) {
			r, err := s.ByNumber(ctx, s.db.Reader(), kind, in.Number)
			if err != nil {
				return nil, err
			}
			es, next, err := s.Timeline(ctx, s.db.Reader(), r.ID, in.Cursor, in.Limit)
			return httpapi.NewList(es, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "comment-" + k.Name, Method: "POST", Path: base + "/comments", Need: k.Write, Tag: k.Plural, Summary: "Comment on one " + low, Status: http.StatusCreated},
		func(ctx context.Context, in *commentIn) (*httpapi.Body[Entry], error) {
			out := &httpapi.Body[Entry]{}
			return out, s.change(ctx, kind, in.Number, func(ctx context.Context, tx *db.Tx, r *Record) (err error) {
				out.Body, err = s.say(ctx, tx, r, Entry{Kind: "comment", Body: in.Body.Body})
				return err
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "link-" + k.Name, Method: "POST", Path: base + "/items", Need: k.Write, Tag: k.Plural, Summary: "Tie an item or another record to one " + low, Status: http.StatusCreated},
		func(ctx context.Context, in *itemIn) (*struct{}, error) {
			return nil, s.change(ctx, kind, in.Number, func(ctx context.Context, tx *db.Tx, r *Record) error {
				ref, err := s.entities.Find(ctx, tx, in.Body.Kind, in.Body.Name)
				if err != nil {
					return err
				}
				added, err := s.AddItem(ctx, tx, r, ref)
				if err != nil || !added {
					return err
				}
				if err := audit.Write(ctx, tx, audit.Change{Action: kind + ".link", Ref: r.Ref(), Name: k.Number(r.Number), After: ref}); err != nil {
					return err
				}
				return s.Say(ctx, tx, r, Entry{Kind: "link", Body: "Linked " + in.Body.Kind + " " + in.Body.Name + "."})
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "unlink-" + k.Name, Method: "DELETE", Path: base + "/items/{kind}/{name}", Need: k.Write, Tag: k.Plural, Summary: "Untie a thing from one " + low, Status: http.StatusNoContent},
		func(ctx context.Context, in *itemOut) (*struct{}, error) {
			return nil, s.change(ctx, kind, in.Number, func(ctx context.Context, tx *db.Tx, r *Record) error {
				ref, err := s.entities.Find(ctx, tx, in.Kind, in.Name)
				if err != nil {
					return err
				}
				removed, err := s.RemoveItem(ctx, tx, r, ref)
				if err != nil || !removed {
					return err
				}
				if err := audit.Write(ctx, tx, audit.Change{Action: kind + ".unlink", Ref: r.Ref(), Name: k.Number(r.Number), Before: ref}); err != nil {
					return err
				}
				return s.Say(ctx, tx, r, Entry{Kind: "link", Body: "Unlinked " + in.Kind + " " + in.Name + "."})
			})
		})
	s.attachmentRoutes(api, k, base, low)
}

// change runs fn on the record in a transaction, after the check that whoever
// acts may write it.
func (s *Service) change(ctx context.Context, kind, number string, fn func(context.Context, *db.Tx, *Record) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.ByNumber(ctx, tx, kind, number)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, s.kinds[kind].Write, r.TeamID); err != nil {
			return err
		}
		return fn(ctx, tx, r)
	})
}

// Links resolves what a record is tied to.
func (s *Service) Links(ctx context.Context, recordID string) ([]entity.Summary, error) {
	refs, err := Items(ctx, s.db.Reader(), recordID)
	if err != nil {
		return nil, err
	}
	m, err := s.entities.Resolve(ctx, s.db.Reader(), refs[recordID])
	if err != nil {
		return nil, err
	}
	out := []entity.Summary{}
	for _, ref := range refs[recordID] {
		if sum, ok := m[ref]; ok {
			out = append(out, sum)
		}
	}
	return out, nil
}

type attachIn struct {
	NumberIn
	Name    string `query:"name" required:"true" minLength:"1" maxLength:"200" doc:"File name."`
	RawBody []byte `contentType:"application/octet-stream"`
}

type attachmentIn struct {
	NumberIn
	ID string `path:"id"`
}

func (s *Service) attachmentRoutes(api *httpapi.API, k Kind, base, low string) {
	httpapi.Handle(api, httpapi.Op{ID: "list-" + k.Name + "-attachments", Method: "GET", Path: base + "/attachments", Need: k.Read, Tag: k.Plural, Summary: "Files attached to one " + low},
		func(ctx context.Context, in *NumberIn) (*httpapi.Body[httpapi.List[Attachment]], error) {
			r, err := s.ByNumber(ctx, s.db.Reader(), k.Name, in.Number)
			if err != nil {
				return nil, err
			}
			as := []Attachment{}
			err = s.db.Reader().NewRaw("SELECT id, name, media_type, size, sha256, created_at, created_by FROM record_attachments WHERE record_id = ? ORDER BY id", r.ID).Scan(ctx, &as)
			return httpapi.NewList(as, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "attach-to-" + k.Name, Method: "POST", Path: base + "/attachments", Need: k.Write, Tag: k.Plural, Summary: "Attach a file (the body) to one " + low, Status: http.StatusCreated, MaxBody: MaxAttachment},
		func(ctx context.Context, in *attachIn) (*httpapi.Body[Attachment], error) {
			name := cleanFileName(in.Name)
			if name == "" {
				return nil, errs.Fields(errs.Field{Path: "name", Value: in.Name, Message: "must be a file name"})
			}
			a := Attachment{ID: id.New(), Name: name, MediaType: http.DetectContentType(in.RawBody)}
			var err error
			if a.Size, a.SHA256, err = s.files.Put(a.ID, strings.NewReader(string(in.RawBody)), MaxAttachment); err != nil {
				return nil, err
			}
			err = s.change(ctx, k.Name, in.Number, func(ctx context.Context, tx *db.Tx, r *Record) error {
				a.CreatedAt, a.CreatedBy = tx.Now(), access.From(ctx).Actor()
				if _, err := tx.NewRaw("INSERT INTO record_attachments (id, record_id, name, media_type, size, sha256, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", a.ID, r.ID, a.Name, a.MediaType, a.Size, a.SHA256, a.CreatedAt, a.CreatedBy).Exec(ctx); err != nil {
					return err
				}
				if err := audit.Write(ctx, tx, audit.Change{Action: k.Name + ".attach", Ref: r.Ref(), Name: k.Number(r.Number), After: a}); err != nil {
					return err
				}
				return s.Say(ctx, tx, r, Entry{Kind: "attachment", Body: "Attached " + a.Name + ".", Data: map[string]any{"id": a.ID, "size": a.Size}})
			})
			if err != nil {
				_ = s.files.Remove(a.ID)
				return nil, err
			}
			return &httpapi.Body[Attachment]{Body: a}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-" + k.Name + "-attachment", Method: "GET", Path: base + "/attachments/{id}", Need: k.Read, Tag: k.Plural, Summary: "One attached file"},
		func(ctx context.Context, in *attachmentIn) (*huma.StreamResponse, error) {
			r, err := s.ByNumber(ctx, s.db.Reader(), k.Name, in.Number)
			if err != nil {
				return nil, err
			}
			var a Attachment
			if err := s.db.Reader().NewRaw("SELECT id, name, media_type, size FROM record_attachments WHERE record_id = ? AND id = ?", r.ID, in.ID).Scan(ctx, &a); err != nil {
				return nil, db.NotFound(err, "There is no such attachment.")
			}
			f, err := s.files.Open(a.ID)
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) { serveAttachment(hc, f, a) }}, nil
		})
}

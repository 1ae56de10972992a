// Package account keeps people, teams, browser sessions and API tokens, and
// tells who a request comes from. Passwords are hashed with Argon2id; sessions
// and tokens are random values of which only the SHA-256 is stored.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the tables of people.
func Migrations() db.Migrations { return db.Migrations{Module: "core.account", FS: migrations} }

// Permissions on people and tokens.
var (
	Read   = access.Permission{Name: "account.read", Title: "See people and teams", Least: access.Viewer}
	Write  = access.Permission{Name: "account.write", Title: "Change people and teams", Least: access.Admin}
	Tokens = access.Permission{Name: "token.manage", Title: "Make and revoke API tokens", Least: access.Admin}
	Audit  = access.Permission{Name: "audit.read", Title: "Read the audit log", Least: access.Operator}
)

// Permissions lists them for the permission set.
func Permissions() []access.Permission { return []access.Permission{Read, Write, Tokens, Audit} }

// Account is a person.
type Account struct {
	bun.BaseModel `bun:"accounts" json:"-"`

	ID           string      `bun:"id,pk" json:"id"`
	Email        string      `bun:"email" json:"email"`
	Name         string      `bun:"name" json:"name"`
	Role         access.Role `bun:"role" json:"role" enum:"viewer,responder,operator,admin"`
	PasswordHash string      `bun:"password_hash" json:"-"`
	TimeZone     string      `bun:"time_zone" json:"time_zone" doc:"IANA zone; empty means the browser's."`
	Disabled     bool        `bun:"disabled" json:"disabled"`
	CreatedAt    time.Time   `bun:"created_at" json:"created_at"`
	UpdatedAt    time.Time   `bun:"updated_at" json:"updated_at"`
	Version      int64       `bun:"version" json:"version"`
}

// Team owns items and records.
type Team struct {
	bun.BaseModel `bun:"teams" json:"-"`

	ID        string    `bun:"id,pk" json:"id"`
	Name      string    `bun:"name" json:"name"`
	Title     string    `bun:"title" json:"title"`
	CreatedAt time.Time `bun:"created_at" json:"created_at"`
	UpdatedAt time.Time `bun:"updated_at" json:"updated_at"`
	Version   int64     `bun:"version" json:"version"`
}

// Member is a person in a team.
type Member struct {
	AccountID string      `json:"account_id"`
	Email     string      `json:"email"`
	Name      string      `json:"name"`
	Role      access.Role `json:"role" doc:"Role on what the team owns; empty means no more than the person has everywhere."`
}

// Service is the use cases around people.
type Service struct {
	db       *db.DB
	throttle *throttle
	hashing  chan struct{}
	lifetime time.Duration
}

// New makes the service; sessions end after lifetime without use.
func New(d *db.DB, lifetime time.Duration) *Service {
	return &Service{
		db: d, throttle: newThrottle(d.Clock()), lifetime: lifetime,
		// One hash takes 64 MiB; two at once bound what a flood of logins can take.
		hashing: make(chan struct{}, 2),
	}
}

var argon = &argon2id.Params{Memory: 64 * 1024, Iterations: 1, Parallelism: 2, SaltLength: 16, KeyLength: 32}

// HashPassword checks the length (10 to 200 characters) and hashes.
func (s *Service) HashPassword(pw string) (string, error) {
	if n := utf8.RuneCountInString(pw); n < 10 || n > 200 {
		return "", errs.Fields(errs.Field{Path: "password", Message: "must have 10 to 200 characters"})
	}
	s.hashing <- struct{}{}
	defer func() { <-s.hashing }()
	return argon2id.CreateHash(pw, argon)
}

func (s *Service) passwordOK(pw, hash string) bool {
	s.hashing <- struct{}{}
	defer func() { <-s.hashing }()
	if hash == "" {
		// The same work as for a real account, so that time tells nothing.
		hash = dummyHash
	}
	ok, err := argon2id.ComparePasswordAndHash(pw, hash)
	return err == nil && ok && hash != dummyHash
}

const dummyHash = "$argon2id$v=19$m=65536,t=1,p=2$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// CleanEmail checks and lower-cases an address.
func CleanEmail(s string) (string, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil || a.Name != "" || len(s) > 254 || !strings.Contains(a.Address, "@") || strings.ContainsAny(s, "\r\n\x00") {
		return "", errs.Fields(errs.Field{Path: "email", Value: s, Message: "must be one e-mail address such as ops@example.org"})
	}
	return strings.ToLower(a.Address), nil
}

// NewAccount is the input of Create.
type NewAccount struct {
	Email, Name, Password, TimeZone string
	Role                            access.Role
}

// Create adds a person. Without a password the person cannot sign in, but can be
// told things.
func (s *Service) Create(ctx context.Context, tx *db.Tx, in NewAccount) (*Account, error) {
	email, err := CleanEmail(in.Email)
	if err != nil {
		return nil, err
	}
	a := &Account{ID: id.New(), Email: email, Name: strings.TrimSpace(in.Name), Role: in.Role, TimeZone: in.TimeZone, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	if a.Name == "" {
		a.Name, _, _ = strings.Cut(email, "@")
	}
	if utf8.RuneCountInString(a.Name) > 100 {
		return nil, errs.Fields(errs.Field{Path: "name", Message: "must have at most 100 characters"})
	}
	if _, err := time.LoadLocation(a.TimeZone); err != nil {
		return nil, errs.Fields(errs.Field{Path: "time_zone", Value: a.TimeZone, Message: "must be an IANA zone such as Europe/Berlin"})
	}
	if in.Password != "" {
		if a.PasswordHash, err = s.HashPassword(in.Password); err != nil {
			return nil, err
		}
	}
	if _, err := tx.NewInsert().Model(a).Exec(ctx); err != nil {
		if db.IsUnique(err) {
			return nil, errs.New(errs.Conflict, "There is an account with the address %s already.", email)
		}
		return nil, err
	}
	return a, audit.Write(ctx, tx, audit.Change{Action: "account.create", Ref: entity.Ref{Kind: "account", ID: a.ID}, Name: a.Email, After: a})
}

// Ensure finds the account with the address or makes it as a responder.
func (s *Service) Ensure(ctx context.Context, tx *db.Tx, email string) (*Account, bool, error) {
	email, err := CleanEmail(email)
	if err != nil {
		return nil, false, err
	}
	a, err := ByEmail(ctx, tx, email)
	if err == nil {
		return a, false, nil
	}
	if !errs.Is(err, errs.NotFound) {
		return nil, false, err
	}
	a, err = s.Create(ctx, tx, NewAccount{Email: email, Role: access.Responder})
	return a, true, err
}

// ByEmail finds a person by address.
func ByEmail(ctx context.Context, q bun.IDB, email string) (*Account, error) {
	var a Account
	err := q.NewSelect().Model(&a).Where("email = ?", strings.ToLower(strings.TrimSpace(email))).Scan(ctx)
	return &a, db.NotFound(err, "There is no account with the address %s.", email)
}

// ByID finds a person.
func ByID(ctx context.Context, q bun.IDB, accountID string) (*Account, error) {
	var a Account
	err := q.NewSelect().Model(&a).Where("id = ?", accountID).Scan(ctx)
	return &a, db.NotFound(err, "There is no such account.")
}

// ByIDs finds several people at once, by id.
func ByIDs(ctx context.Context, q bun.IDB, ids []string) (map[string]Account, error) {
	out := make(map[string]Account, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	var as []Account
	if err := q.NewSelect().Model(&as).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	for _, a := range as {
		out[a.ID] = a
	}
	return out, nil
}

// List gives all people by address.
func List(ctx context.Context, q bun.IDB) ([]Account, error) {
	as := []Account{}
	err := q.NewSelect().Model(&as).OrderExpr("email").Limit(10000).Scan(ctx)
	return as, err
}

// random makes a value of 256 bits, readable in a URL.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashToken(t string) string {
	h := sha256.Sum256([]byte(t))
	return hex.EncodeToString(h[:])
}

package discovery

import (
	"context"
	"encoding/json"
	"net"
	"reflect"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Credential is what a device is read with; it is also its entry in ops.yaml.
// Secrets go in and never come out.
type Credential struct {
	Name         string `json:"name,omitempty" yaml:"name" maxLength:"200"`
	Version      string `json:"version" yaml:"version" enum:"1,2c,3" doc:"Version of SNMP."`
	Port         int    `json:"port,omitempty" yaml:"port,omitempty" minimum:"0" maximum:"65535" doc:"UDP port; 161 when absent."`
	Community    string `json:"community,omitempty" yaml:"community,omitempty" maxLength:"500" doc:"For versions 1 and 2c. Empty keeps the present one."`
	User         string `json:"user,omitempty" yaml:"user,omitempty" maxLength:"200" doc:"For version 3."`
	AuthProtocol string `json:"auth_protocol,omitempty" yaml:"auth_protocol,omitempty" doc:"MD5, SHA, SHA224, SHA256, SHA384 or SHA512."`
	AuthPassword string `json:"auth_password,omitempty" yaml:"auth_password,omitempty" maxLength:"500" doc:"Empty keeps the present one."`
	PrivProtocol string `json:"priv_protocol,omitempty" yaml:"priv_protocol,omitempty" doc:"DES, AES, AES192, AES256, AES192C or AES256C."`
	PrivPassword string `json:"priv_password,omitempty" yaml:"priv_password,omitempty" maxLength:"500" doc:"Empty keeps the present one."`
	Context      string `json:"context,omitempty" yaml:"context,omitempty" maxLength:"200" doc:"Context name of SNMPv3."`
}

// CredentialView is what may be shown of a credential.
type CredentialView struct {
	Name         string    `json:"name"`
	Version      string    `json:"version" enum:"1,2c,3"`
	Port         int       `json:"port,omitempty"`
	User         string    `json:"user,omitempty"`
	AuthProtocol string    `json:"auth_protocol,omitempty"`
	PrivProtocol string    `json:"priv_protocol,omitempty"`
	Context      string    `json:"context,omitempty"`
	Devices      int       `json:"devices" doc:"How many items were read with it last."`
	UpdatedAt    time.Time `json:"updated_at"`

	version int64
}

// public takes the secrets out.
func (c Credential) public() Credential {
	c.Community, c.AuthPassword, c.PrivPassword = "", "", ""
	return c
}

func (c Credential) target(address string) snmp.Target {
	port := c.Port
	if port == 0 {
		port = 161
	}
	return snmp.Target{
		Address: net.JoinHostPort(address, strconv.Itoa(port)), Version: snmp.Version(c.Version), Community: c.Community,
		User: c.User, AuthProtocol: c.AuthProtocol, AuthPassword: c.AuthPassword, PrivProtocol: c.PrivProtocol, PrivPassword: c.PrivPassword, Context: c.Context,
	}
}

// keep fills in the secrets that were left empty.
func (c *Credential) keep(old Credential) {
	if c.Version == "3" {
		if c.AuthPassword == "" && c.AuthProtocol != "" {
			c.AuthPassword = old.AuthPassword
		}
		if c.PrivPassword == "" && c.PrivProtocol != "" {
			c.PrivPassword = old.PrivPassword
		}
		return
	}
	if c.Community == "" {
		c.Community = old.Community
	}
}

func (c Credential) check() error {
	if err := account.CheckName("name", c.Name); err != nil {
		return err
	}
	var bad []errs.Field
	if c.Port < 0 || c.Port > 65535 {
		bad = append(bad, errs.Field{Path: "port", Value: strconv.Itoa(c.Port), Message: "must be from 1 to 65535"})
	}
	switch c.Version {
	case "1", "2c":
		if c.Community == "" {
			bad = append(bad, errs.Field{Path: "community", Message: "is missing; versions 1 and 2c need one"})
		}
		if c.User != "" || c.AuthProtocol != "" || c.AuthPassword != "" || c.PrivProtocol != "" || c.PrivPassword != "" {
			bad = append(bad, errs.Field{Path: "version", Value: c.Version, Message: "must be 3 for a user and passwords"})
		}
	case "3":
		if c.Community != "" {
			bad = append(bad, errs.Field{Path: "community", Message: "belongs to versions 1 and 2c; version 3 has a user"})
		}
		bad = append(bad, errs.FieldsOf(c.target("x").CheckV3())...)
	default:
		bad = append(bad, errs.Field{Path: "version", Value: c.Version, Message: "must be 1, 2c or 3"})
	}
	return errs.Fields(bad...)
}

type credentialRow struct {
	Name, Type, Sealed   string
	CreatedAt, UpdatedAt time.Time
	Version              int64
}

func (s *Service) credential(ctx context.Context, q bun.IDB, name string) (Credential, int64, error) {
	var r credentialRow
	if err := q.NewRaw("SELECT * FROM discovery_credentials WHERE name = ?", name).Scan(ctx, &r); err != nil {
		var known []string
		if e := q.NewRaw("SELECT name FROM discovery_credentials ORDER BY name LIMIT 200").Scan(ctx, &known); e != nil {
			return Credential{}, 0, e
		}
		return Credential{}, 0, db.NotFound(err, "There is no credential %s%s.", name, strict.DidYouMean(name, known))
	}
	c := Credential{}
	text, err := s.d.Secrets.Open(r.Sealed)
	if err != nil {
		return c, 0, errs.Wrap(errs.Unavailable, err, "The credential %s cannot be opened: the key file is not the one that sealed it. Enter its secrets again.", name)
	}
	err = json.Unmarshal([]byte(text), &c)
	c.Name = r.Name
	return c, r.Version, err
}

func (s *Service) credentialViews(ctx context.Context, q bun.IDB, after string, limit int) ([]CredentialView, error) {
	var names []string
	if err := q.NewRaw("SELECT name FROM discovery_credentials WHERE name > ? ORDER BY name LIMIT ?", after, limit).Scan(ctx, &names); err != nil {
		return nil, err
	}
	out := []CredentialView{}
	for _, n := range names {
		v, err := s.credentialView(ctx, q, n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Service) credentialView(ctx context.Context, q bun.IDB, name string) (CredentialView, error) {
	c, version, err := s.credential(ctx, q, name)
	if err != nil {
		return CredentialView{}, err
	}
	v := CredentialView{Name: c.Name, Version: c.Version, Port: c.Port, User: c.User, AuthProtocol: c.AuthProtocol, PrivProtocol: c.PrivProtocol, Context: c.Context, version: version}
	if err := q.NewRaw("SELECT updated_at FROM discovery_credentials WHERE name = ?", name).Scan(ctx, &v.UpdatedAt); err != nil {
		return v, err
	}
	v.UpdatedAt = v.UpdatedAt.UTC()
	return v, q.NewRaw("SELECT COUNT(*) FROM discovery_readings WHERE credential = ?", name).Scan(ctx, &v.Devices)
}

// saveCredential makes or changes a credential.
func (s *Service) saveCredential(ctx context.Context, tx *db.Tx, c Credential, ifMatch func(int64) error) (apply.Outcome, error) {
	old, version, err := s.credential(ctx, tx, c.Name)
	found := err == nil
	// One that cannot be opened any more may be entered anew.
	if err != nil && !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Unavailable) {
		return "", err
	}
	if err := ifMatch(version); err != nil {
		return "", err
	}
	c.keep(old)
	if err := c.check(); err != nil {
		return "", err
	}
	if found && reflect.DeepEqual(old, c) {
		return apply.Unchanged, nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	sealed, err := s.d.Secrets.Seal(string(b))
	if err != nil {
		return "", err
	}
	if _, err := tx.NewRaw("INSERT INTO discovery_credentials (name, type, sealed, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET type = excluded.type, sealed = excluded.sealed, updated_at = excluded.updated_at, version = discovery_credentials.version + 1",
		c.Name, "snmp", sealed, tx.Now(), tx.Now()).Exec(ctx); err != nil {
		return "", err
	}
	ch := audit.Change{Action: "credential.create", Ref: entity.Ref{Kind: "credential", ID: c.Name}, Name: c.Name, After: c.public()}
	outcome := apply.Created
	if found {
		ch.Action, ch.Before, outcome = "credential.update", old.public(), apply.Updated
		if reflect.DeepEqual(ch.Before, ch.After) {
			ch.After = map[string]string{"changed": "community or password"}
		}
	}
	s.say(tx, "credentials", c.Name)
	return outcome, audit.Write(ctx, tx, ch)
}

func (s *Service) deleteCredential(ctx context.Context, tx *db.Tx, name string) error {
	v, err := s.credentialView(ctx, tx, name)
	if err != nil && !errs.Is(err, errs.Unavailable) {
		return err
	}
	jobs, err := s.jobs(ctx, tx, "", 5000)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		for _, c := range j.Spec.Credentials {
			if c == name {
				return errs.New(errs.Conflict, "The credential %s is used by the discovery job %s. Change that first.", name, j.Spec.Name)
			}
		}
	}
	for _, q := range []string{"DELETE FROM discovery_credentials WHERE name = ?", "DELETE FROM discovery_readings WHERE credential = ?"} {
		if _, err := tx.NewRaw(q, name).Exec(ctx); err != nil {
			return err
		}
	}
	s.say(tx, "credentials", name)
	return audit.Write(ctx, tx, audit.Change{Action: "credential.delete", Ref: entity.Ref{Kind: "credential", ID: name}, Name: name, Before: v})
}

// SNMP implements estate.Credentials.
func (s *Service) SNMP(ctx context.Context, q bun.IDB, itemID string) (snmp.Target, error) {
	var r struct{ Credential, Address string }
	if err := q.NewRaw("SELECT credential, address FROM discovery_readings WHERE item_id = ?", itemID).Scan(ctx, &r); err != nil {
		return snmp.Target{}, db.NotFound(err, "No credential has worked for this item yet.")
	}
	c, _, err := s.credential(ctx, q, r.Credential)
	if err != nil {
		return snmp.Target{}, err
	}
	return c.target(r.Address), nil
}

// SNMPFrom implements estate.Credentials.
func (s *Service) SNMPFrom(ctx context.Context, q bun.IDB, itemIDs []string) (map[string]string, error) {
	out := map[string]string{}
	if len(itemIDs) == 0 {
		return out, nil
	}
	var rows []struct{ ItemID, Place string }
	err := q.NewRaw("SELECT item_id, place FROM discovery_readings WHERE item_id IN (?) AND place <> ''", bun.In(itemIDs)).Scan(ctx, &rows)
	for _, r := range rows {
		out[r.ItemID] = r.Place
	}
	return out, err
}

// SNMPItems implements estate.Credentials.
func (s *Service) SNMPItems(ctx context.Context, q bun.IDB, after string, limit int) ([]string, error) {
	ids := []string{}
	err := q.NewRaw("SELECT item_id FROM discovery_readings WHERE item_id > ? ORDER BY item_id LIMIT ?", after, limit).Scan(ctx, &ids)
	return ids, err
}

func (s *Service) say(tx *db.Tx, kind, id string) {
	tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "discovery", Kind: kind, ID: id}) })
}

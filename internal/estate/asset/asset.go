package asset

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// The states of an asset.
const (
	ordered  = "ordered"
	inStock  = "in_stock"
	inUse    = "in_use"
	inRepair = "repair"
	retired  = "retired"
	disposed = "disposed"
)

// states in the order of a life.
var states = []string{ordered, inStock, inUse, inRepair, retired, disposed}

// next says which states may follow a state. Disposed is the end.
func next(state string) []string {
	switch state {
	case ordered:
		return []string{inStock, inUse, disposed}
	case inStock:
		return []string{inUse, inRepair, retired, disposed}
	case inUse:
		return []string{inStock, inRepair, retired}
	case inRepair:
		return []string{inStock, inUse, retired}
	case retired:
		return []string{inStock, disposed}
	}
	return []string{}
}

// Details is what a person says of an asset. Days are written 2026-12-31; empty
// means not known.
type Details struct {
	Title         string `bun:"title" json:"title" yaml:"title" minLength:"1" maxLength:"200"`
	Category      string `bun:"category" json:"category,omitempty" yaml:"category,omitempty" maxLength:"100" doc:"What sort of thing: laptop, server, phone."`
	Manufacturer  string `bun:"manufacturer" json:"manufacturer,omitempty" yaml:"manufacturer,omitempty" maxLength:"200"`
	Model         string `bun:"model" json:"model,omitempty" yaml:"model,omitempty" maxLength:"200"`
	Serial        string `bun:"serial" json:"serial,omitempty" yaml:"serial,omitempty" maxLength:"200"`
	Location      string `bun:"location" json:"location,omitempty" yaml:"location,omitempty" maxLength:"200"`
	Vendor        string `bun:"vendor" json:"vendor,omitempty" yaml:"vendor,omitempty" maxLength:"200" doc:"Who sold it."`
	OrderNumber   string `bun:"order_number" json:"order_number,omitempty" yaml:"order_number,omitempty" maxLength:"100"`
	PurchasedOn   string `bun:"purchased_on" json:"purchased_on,omitempty" yaml:"purchased_on,omitempty" maxLength:"10"`
	Price         int64  `bun:"price" json:"price,omitempty" yaml:"price,omitempty" minimum:"0" maximum:"1000000000000000" doc:"In the smallest unit of the currency, such as cents."`
	Currency      string `bun:"currency" json:"currency,omitempty" yaml:"currency,omitempty" maxLength:"3" doc:"ISO 4217 code, such as EUR."`
	WarrantyUntil string `bun:"warranty_until" json:"warranty_until,omitempty" yaml:"warranty_until,omitempty" maxLength:"10"`
	SupportUntil  string `bun:"support_until" json:"support_until,omitempty" yaml:"support_until,omitempty" maxLength:"10"`
	EndOfLife     string `bun:"end_of_life" json:"end_of_life,omitempty" yaml:"end_of_life,omitempty" maxLength:"10"`
	Notes         string `bun:"notes" json:"notes,omitempty" yaml:"notes,omitempty" maxLength:"5000"`
}

type assetRow struct {
	bun.BaseModel `bun:"assets,alias:a"`

	ID     string `bun:"id,pk"`
	Tag    string `bun:"tag"`
	State  string `bun:"state"`
	ItemID string `bun:"item_id"`
	Details
	SerialKey string     `bun:"serial_key"`
	Folded    string     `bun:"folded"`
	HolderID  string     `bun:"holder_id"`
	HeldSince *time.Time `bun:"held_since"`
	DueOn     string     `bun:"due_on"`
	SeenAt    *time.Time `bun:"seen_at"`
	SeenPlace string     `bun:"seen_place"`
	CreatedAt time.Time  `bun:"created_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
	Version   int64      `bun:"version"`
}

// Person is who has something.
type Person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Asset is a thing one owns.
type Asset struct {
	Tag   string   `json:"tag"`
	State string   `json:"state" enum:"ordered,in_stock,in_use,repair,retired,disposed"`
	Next  []string `json:"next" doc:"The states that may follow."`
	Details
	Item      string     `json:"item,omitempty" doc:"Name of the item that it is."`
	Proposed  string     `json:"proposed_item,omitempty" doc:"Name of an item with the same serial number, while no item is linked."`
	Holder    *Person    `json:"holder,omitempty"`
	HeldSince *time.Time `json:"held_since,omitempty"`
	DueOn     string     `json:"due_on,omitempty" doc:"The day it is to be back."`
	Overdue   bool       `json:"overdue"`
	SeenAt    *time.Time `json:"seen_at,omitempty"`
	SeenPlace string     `json:"seen_place,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

var (
	tagForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)
	prefixForm   = regexp.MustCompile(`^[A-Za-z0-9._-]{0,20}$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

func checkTag(tag string) error {
	if tagForm.MatchString(tag) {
		return nil
	}
	return errs.Fields(errs.Field{Path: "tag", Value: cut(tag), Message: "must have 1 to 40 letters, digits and . _ -, and begin with a letter or digit"})
}

// problems collects field errors.
type problems []errs.Field

func (p *problems) add(path, value, message string) {
	*p = append(*p, errs.Field{Path: path, Value: cut(value), Message: message})
}

// line trims a text in place that must be one line of at most limit bytes.
func (p *problems) line(path string, v *string, limit int) {
	*v = strings.TrimSpace(*v)
	if len(*v) > limit || strings.ContainsAny(*v, "\n\r\x00") {
		p.add(path, *v, fmt.Sprintf("must be one line of at most %d bytes", limit))
	}
}

func (p *problems) text(path string, v *string, limit int) {
	*v = strings.TrimSpace(*v)
	if len(*v) > limit || strings.ContainsRune(*v, 0) {
		p.add(path, *v, fmt.Sprintf("must have at most %d bytes", limit))
	}
}

func (p *problems) day(path, v string) {
	if v == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, v); err != nil {
		p.add(path, v, "must be a day such as 2026-12-31")
	}
}

// maxPrice keeps sums of a million assets inside 64 bits.
const maxPrice = 1_000_000_000_000_000

func (p *problems) price(price int64, currency string) {
	if price < 0 || price > maxPrice {
		p.add("price", fmt.Sprint(price), "must be from 0 to 1,000,000,000,000,000 in the smallest unit of the currency")
	}
	switch {
	case currency != "" && !currencyForm.MatchString(currency):
		p.add("currency", currency, "must be the three letters of ISO 4217, such as EUR")
	case currency == "" && price > 0:
		p.add("currency", "", "must be given with a price, such as EUR")
	}
}

func (d *Details) check() error {
	var p problems
	p.line("title", &d.Title, 200)
	if d.Title == "" {
		p.add("title", "", "must not be empty")
	}
	p.line("category", &d.Category, 100)
	p.line("manufacturer", &d.Manufacturer, 200)
	p.line("model", &d.Model, 200)
	p.line("serial", &d.Serial, 200)
	p.line("location", &d.Location, 200)
	p.line("vendor", &d.Vendor, 200)
	p.line("order_number", &d.OrderNumber, 100)
	p.text("notes", &d.Notes, 5000)
	p.day("purchased_on", d.PurchasedOn)
	p.day("warranty_until", d.WarrantyUntil)
	p.day("support_until", d.SupportUntil)
	p.day("end_of_life", d.EndOfLife)
	p.price(d.Price, d.Currency)
	return errs.Fields(p...)
}

// derive fills what is computed from the rest.
func (r *assetRow) derive() {
	r.SerialKey = serialKey(r.Serial)
	r.Folded = strings.ToLower(strings.Join([]string{r.Tag, r.Title, r.Serial, r.Manufacturer, r.Model, r.Location, r.OrderNumber}, "\n"))
}

// serialKey makes serial numbers comparable: vendors and people differ in case,
// spaces and dashes. What is no serial number gives "".
func serialKey(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
	if len(s) < 4 || len(s) > 100 || strings.Trim(s, s[:1]) == "" || slices.Contains([]string{"NONE", "NOTSPECIFIED", "DEFAULTSTRING", "TOBEFILLEDBYOEM", "SYSTEMSERIALNUMBER", "UNKNOWN"}, s) {
		return ""
	}
	return s
}

// checkMove tells whether the asset may go to that state.
func (r *assetRow) checkMove(to string) error {
	if !slices.Contains(next(r.State), to) {
		can := strings.Join(next(r.State), ", ")
		if can == "" {
			can = "no other state"
		}
		return errs.New(errs.Conflict, "%s is %s; from there it can go to %s.", r.Tag, r.State, can)
	}
	if r.HolderID != "" && to != inRepair && to != inUse {
		return errs.New(errs.Conflict, "Somebody has %s. Take it back first.", r.Tag)
	}
	return nil
}

func cut(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// like makes a pattern that finds s anywhere; the statement needs ESCAPE '\'.
func like(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(s)) + "%"
}

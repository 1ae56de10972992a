// Package estate is the contract of the wing that knows what the organisation
// runs: items, their kinds and relations, and the two questions asked of them all
// day: what stops if this stops, and what does this need.
package estate

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
)

// ItemKind is the entity kind of items.
const ItemKind = "item"

// Ref points at an item.
func Ref(itemID string) entity.Ref { return entity.Ref{Kind: ItemKind, ID: itemID} }

// Permissions on items.
var (
	ReadItems  = access.Permission{Name: "item.read", Title: "See items and relations", Least: access.Viewer}
	WriteItems = access.Permission{Name: "item.write", Title: "Change items and relations", Least: access.Operator}
	ModelItems = access.Permission{Name: "item.model", Title: "Define kinds, relation types and rules of items", Least: access.Admin}
)

// Criticality says how much the organisation needs an item.
type Criticality string

// The criticalities, from the highest.
const (
	Critical Criticality = "critical"
	High     Criticality = "high"
	Medium   Criticality = "medium"
	Low      Criticality = "low"
)

// Impact turns a criticality into the impact of an incident: critical and high
// are 1, medium is 2, low is 3.
func (c Criticality) Impact() int {
	switch c {
	case Critical, High:
		return 1
	case Low:
		return 3
	}
	return 2
}

// Item is what other wings see of an item.
type Item struct {
	ID          string
	Name        string
	Title       string
	Kind        string
	OwnerTeamID string
	Criticality Criticality
	Lifecycle   string
	CreatedAt   time.Time
}

// Reached is an item found by following relations.
type Reached struct {
	Item
	// Distance is the number of relations followed.
	Distance int
	// Path is the ids from the start to this item, both included.
	Path []string
}

// Items answers questions about items. It reads through q, so it also sees what a
// transaction has written and not yet committed.
type Items interface {
	ByName(ctx context.Context, q bun.IDB, name string) (Item, error)
	ByIDs(ctx context.Context, q bun.IDB, ids []string) (map[string]Item, error)
	// Impact lists what stops if these stop: their dependents, transitively, and
	// what they are part of. The items themselves are not in it.
	Impact(ctx context.Context, q bun.IDB, ids []string) ([]Reached, error)
	// Needs lists what these need: the other direction of Impact.
	Needs(ctx context.Context, q bun.IDB, ids []string) ([]Reached, error)
}

// CatalogFilter narrows a list of items; empty fields do not.
type CatalogFilter struct {
	Kind, OwnerTeamID string
	// After is the name of the last item of the page before.
	After string
	Limit int
}

// Catalog lists items by name.
type Catalog interface {
	// Catalog gives at most Limit items whose names come after After, by name, of
	// those that whoever acts in ctx may see.
	Catalog(ctx context.Context, q bun.IDB, f CatalogFilter) ([]Item, error)
}

// The identity keys by which sources recognize a thing that goes by several names.
const (
	BySerial     = "serial"
	ByMAC        = "mac"
	ByFQDN       = "fqdn"
	ByCloudID    = "cloud_id"
	BySystemUUID = "system_uuid"
	ByMachineID  = "machine_id"
	ByAssetTag   = "asset_tag"
)

// NewItem is what a discoverer knows of a thing.
type NewItem struct {
	// Name is the unique name; an item of that name is updated, unless Identity
	// says that it is another thing.
	Name, Title, Kind string
	Criticality       Criticality
	// OwnerTeamID owns the item if it is new or has no owner yet; may be empty.
	OwnerTeamID string
	// Attributes are merged into those that the item has; provenance is Source.
	Attributes map[string]any
	// Source names who says so, for example "discovery", "snmp" or "agent".
	Source string
	// Identity holds what identifies the thing, by identity key; a key may have
	// several values, such as the MACs of a host. With it the item may have any name.
	Identity map[string][]string
	// RunsOn names the item it runs on, if any.
	RunsOn string
	// Relations are those that the source sees now, by type, with names of items
	// that exist. They are added; none is taken away.
	Relations map[string][]string
}

// Discoverer lets a discovery put what it found on the map.
type Discoverer interface {
	// Observed makes or updates the item. It never overwrites what a person typed.
	Observed(ctx context.Context, tx *db.Tx, in NewItem) (Item, error)
}

// Recognizer tells which item a thing is that says something of itself.
type Recognizer interface {
	// Recognize gives the one item that has the value under an identity key;
	// errs.NotFound when there is none, or more than one.
	Recognize(ctx context.Context, q bun.IDB, key, value string) (Item, error)
}

// AddressOwners tells whose an IP address is.
type AddressOwners interface {
	// ItemAt gives the id of the one item with the address on an interface;
	// errs.NotFound when there is none, or more than one.
	ItemAt(ctx context.Context, q bun.IDB, address string) (string, error)
}

// ItemChanged is told when an item was made, changed or removed.
type ItemChanged struct {
	ItemID  string `json:"item_id"`
	Name    string `json:"name"`
	Removed bool   `json:"removed,omitempty"`
}

// FactName implements event.Fact.
func (ItemChanged) FactName() string { return "estate.item_changed" }

// ItemMerged is told when two items turned out to be one. Whoever keeps the id of
// the one that is gone should keep the other's from now on; until then
// Items.ByIDs answers the old id with the item that stays.
type ItemMerged struct {
	ItemID   string `json:"item_id"`
	Name     string `json:"name"`
	GoneID   string `json:"gone_id"`
	GoneName string `json:"gone_name"`
}

// FactName implements event.Fact.
func (ItemMerged) FactName() string { return "estate.item_merged" }

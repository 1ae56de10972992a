// Package asset keeps what the organization owns: assets, stock, licenses, and
// the dates on which products reach their end of life.
//
// Nouns: an asset is the thing one owns, with a tag; the item that it is on the map
// is a link, so a spare in a cupboard needs no item. A handover says who had an asset
// from when until when, with a signature or the confirmation of that person. Stock is
// counted, not tagged: each change of a count is a booking. A license has purchases,
// which say how many are entitled, assignments, and uses that a rule finds on items.
// A release is a version of a product with the day its support ends; a match says
// that an item runs it.
//
// The releases that come with Mainstay are in releases.yaml. What a person says of a
// release goes before it. Items are read through estate, never changed.
//
// The module owns the tables asset_* and assets. It keeps no book value and no money
// but the price that was paid.
package asset

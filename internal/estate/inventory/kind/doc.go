// Package kind holds what an organisation says about its sorts of items: kinds
// that extend each other, the typed attributes of each, and the types of
// relations.
//
// Sixteen kinds and five relation types are built in. People add kinds of their
// own, and attributes to any kind. A kind has the attributes of the kind that it
// extends. Attributes that no kind declares stay allowed and are free of type.
//
// A Model is everything at one moment and never changes. Values are checked
// against it, and brought into one form: 8 and "8" become the same whole number.
package kind

// Package profile knows what vendors add to the standard MIBs. A profile is data:
// a YAML file that says by which sysObjectID or sysDescr a device is known, what
// it is, and at which OIDs its processors, memory, storage, sensors and neighbors
// are read. Shipped profiles are part of the program; a user's directory adds to
// them and replaces them by name. docs/device-profiles.md tells every key.
package profile

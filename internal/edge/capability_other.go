//go:build !linux

package edge

// Missing names the capabilities that this process does not have; other systems do not
// have them.
func Missing() []string { return nil }

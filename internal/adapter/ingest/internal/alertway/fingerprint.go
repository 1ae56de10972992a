package alertway

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
)

// Fingerprint is the same for the same labels.
func Fingerprint(labels map[string]string) string {
	h := sha256.New()
	for _, n := range slices.Sorted(maps.Keys(labels)) {
		part(h, n)
		part(h, labels[n])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func part(h hash.Hash, s string) {
	h.Write([]byte(s))
	h.Write([]byte{0xff})
}

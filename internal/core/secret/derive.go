package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
)

func deriveKey(master []byte, purpose string) []byte {
	k, err := hkdf.Key(sha256.New, master, nil, "mainstay/"+purpose, 32)
	if err != nil {
		panic(err) // only for an impossible length
	}
	return k
}

package profile

import (
	_ "embed" // the table of vendors
	"strconv"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

//go:embed vendors.yaml
var vendorsYAML []byte

var vendors = sync.OnceValue(func() map[string]string {
	var doc struct {
		Vendors map[string]string `yaml:"vendors" required:"true"`
	}
	if err := strict.Decode("vendors.yaml", vendorsYAML, &doc); err != nil {
		return nil // TestVendors reads it too
	}
	return doc.Vendors
})

const enterprises = "1.3.6.1.4.1."

// agents are enterprise numbers of SNMP software, which say nothing of the maker of
// the device.
var agents = map[string]bool{"2021": true, "8072": true, "9999999": true}

// VendorOf names who was given the enterprise number in a sysObjectID (IANA's
// list of private enterprise numbers); empty when it is not known.
func VendorOf(objectID string) string {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(objectID, "."), enterprises)
	if !ok {
		return ""
	}
	number, _, _ := strings.Cut(rest, ".")
	if _, err := strconv.ParseUint(number, 10, 32); err != nil || agents[number] {
		return ""
	}
	return vendors()[number]
}

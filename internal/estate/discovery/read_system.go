package discovery

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// readSystem reads the system group of SNMPv2-MIB (RFC 3418).
func readSystem(ctx context.Context, s snmp.Session) (*device.Device, error) {
	const sys = "1.3.6.1.2.1.1."
	vs, err := s.Get(ctx, sys+"1.0", sys+"2.0", sys+"3.0", sys+"4.0", sys+"5.0", sys+"6.0")
	if err != nil {
		return nil, err
	}
	d := &device.Device{Item: device.Item{SysDescr: vs[0].Text(), SysObjectID: vs[1].Text(), Contact: vs[3].Text(), Name: vs[4].Text(), Location: vs[5].Text(), Kind: "host"}}
	d.Item.UptimeSeconds = float64(vs[2].Unum) / 100
	return d, nil
}

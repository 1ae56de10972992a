// Package netflow takes what routers and probes report about traffic as NetFlow 5,
// NetFlow 9 and IPFIX over UDP. It hands on whole datagrams: the templates that are
// needed to read them are kept by the store.
package netflow

import (
	"context"
	"net"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const name = "netflow"

func init() {
	signal.Register(signal.Protocol{Name: name, Title: "NetFlow and IPFIX", Listeners: []signal.Listener{
		{Port: "netflow", Network: "udp", Packets: packets},
		{Port: "ipfix", Network: "udp", Packets: packets},
	}})
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	return conns.Packets(ctx, env, name, sockets, func(from signal.Source, b []byte) {
		switch {
		case !flow.Is(b):
			env.Malformed(from, "The datagram is not NetFlow 5, NetFlow 9 or IPFIX.")
		case flow.IsSFlow(b):
			env.Malformed(from, "The datagram is sFlow, which has a port of its own (listen.sflow).")
		default:
			// What is wrong is counted by the sink; nobody could be told.
			_, _ = env.Flows.TakeFlowReport(ctx, from, signal.FlowReport{Bytes: b})
		}
	})
}

// Package sflow takes the samples of switches and hosts that speak sFlow version 5
// over UDP.
package sflow

import (
	"context"
	"net"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const name = "sflow"

func init() {
	signal.Register(signal.Protocol{Name: name, Title: "sFlow", Listeners: []signal.Listener{{Port: "sflow", Network: "udp", Packets: packets}}})
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	return conns.Packets(ctx, env, name, sockets, func(from signal.Source, b []byte) {
		switch {
		case flow.IsSFlow(b):
			// What is wrong is counted by the sink; nobody could be told.
			_, _ = env.Flows.TakeFlowReport(ctx, from, signal.FlowReport{Bytes: b})
		case flow.Is(b):
			env.Malformed(from, "The datagram is NetFlow or IPFIX, which has a port of its own (listen.netflow).")
		default:
			env.Malformed(from, "The datagram is not sFlow version 5.")
		}
	})
}

package trace

import "github.com/mainstay-ops/mainstay/internal/core/signal"

// What stands on the other side of a call.
const (
	peerService  = "service"
	peerDatabase = "database"
	peerQueue    = "messaging"
	peerExternal = "external"
)

func firstAttribute(s *signal.Span, names ...string) string {
	for _, n := range names {
		if v := signal.Value(s.Attributes, n); v != "" {
			return v
		}
	}
	return ""
}

// peerOf says whom a client or producer span calls, as far as its attributes tell, by
// the conventions of OpenTelemetry, those of today and those before. sure tells that
// no span of the other side will come.
func peerOf(s *signal.Span) (name, kind string, sure bool) {
	host := firstAttribute(s, "peer.service", "server.address", "net.peer.name", "net.sock.peer.addr", "network.peer.address", "http.host")
	if system := firstAttribute(s, "db.system.name", "db.system"); system != "" {
		if db := firstAttribute(s, "db.namespace", "db.name"); db != "" {
			if host != "" {
				return system + " " + db + " @ " + host, peerDatabase, true
			}
			return system + " " + db, peerDatabase, true
		}
		if host != "" {
			return system + " @ " + host, peerDatabase, true
		}
		return system, peerDatabase, true
	}
	if system := signal.Value(s.Attributes, "messaging.system"); system != "" {
		if to := firstAttribute(s, "messaging.destination.name", "messaging.destination"); to != "" {
			return system + " " + to, peerQueue, true
		}
		return system, peerQueue, true
	}
	return host, peerExternal, false
}

package discovery

import (
	"net"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/estate"
)

// propose gives the check for a service.
func propose(item string, l *listener, f finding) estate.Proposal {
	addr := l.target()
	p := estate.Proposal{Name: item, Every: 30 * time.Second}
	with := func(typ string, probe map[string]any, reason string) estate.Proposal {
		p.Type, p.Probe, p.Reason = typ, probe, reason
		return p
	}
	switch f.Speaks {
	case "http":
		if l.Own {
			return with("http", map[string]any{"url": "http://" + addr + "/healthz", "status": []int{200}}, "Mainstay watches itself.")
		}
		return with("http", map[string]any{"url": "http://" + addr + "/", "follow_redirects": false, "status": accepted}, "It answers HTTP.")
	case "https":
		return with("http", map[string]any{"url": "https://" + addr + "/", "tls_skip_verify": true, "follow_redirects": false, "status": accepted}, "It answers HTTPS.")
	case "ldap":
		return with("ldap", map[string]any{"url": "ldap://" + addr}, "It speaks LDAP.")
	case "ssh", "smtp", "ftp", "imap", "pop3":
		return with(f.Speaks, map[string]any{"address": addr}, "It speaks "+f.Speaks+".")
	case "redis":
		// Without the password, if one is set, PING is refused; a connection is not.
		return with("tcp", map[string]any{"address": addr}, "It is Redis. Give it the type redis and a password for more.")
	case "postgres":
		return with("tcp", map[string]any{"address": addr}, "It is PostgreSQL. Give it the type postgres and a login for more.")
	case "mysql":
		return with("tcp", map[string]any{"address": addr}, "It is MySQL. Give it the type mysql and a login for more.")
	case "dns":
		host, _, _ := net.SplitHostPort(addr)
		return with("dns", map[string]any{"server": net.JoinHostPort(host, strconv.Itoa(int(l.Port))), "name": "localhost"}, "It is a name server.")
	case "ntp":
		return with("ntp", map[string]any{"address": addr}, "It is a time server.")
	}
	if l.Protocol == "udp" {
		return estate.Proposal{}
	}
	return with("tcp", map[string]any{"address": addr}, "It takes connections.")
}

// accepted are the answers that show a web server at work, whatever it serves at
// its root.
var accepted = []int{200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405}

// proposeCertificate gives the check of a certificate's expiry.
func proposeCertificate(item string, l *listener) estate.Proposal {
	return estate.Proposal{
		Name: item + " certificate", Type: "tls", Every: time.Hour, Reason: "It shows a certificate that expires.",
		Probe: map[string]any{"address": l.target(), "tls_skip_verify": true},
	}
}

// proposeHost gives the checks of the machine: each real file system.
func proposeHost(h *Host) []estate.Proposal {
	var out []estate.Proposal
	for _, f := range h.Filesystems {
		out = append(out, estate.Proposal{
			Name: h.Name + " disk " + f.Mount, Type: "disk", Every: time.Minute, Reason: "A full disk stops what writes to it.",
			Probe: map[string]any{"path": f.Mount, "warn": 85, "crit": 95},
		})
	}
	return out
}

package packet

// FindingKind names what was noticed.
type FindingKind string

// What is noticed.
const (
	FindRetransmission     FindingKind = "tcp_retransmission"
	FindFastRetransmission FindingKind = "tcp_fast_retransmission"
	FindSpurious           FindingKind = "tcp_spurious_retransmission"
	FindOutOfOrder         FindingKind = "tcp_out_of_order"
	FindLost               FindingKind = "tcp_lost_segment"
	FindAckLost            FindingKind = "tcp_ack_lost_segment"
	FindDuplicateAck       FindingKind = "tcp_duplicate_ack"
	FindZeroWindow         FindingKind = "tcp_zero_window"
	FindWindowFull         FindingKind = "tcp_window_full"
	FindReset              FindingKind = "tcp_reset"
	FindIPChecksum         FindingKind = "ip_checksum"
	FindARPConflict        FindingKind = "arp_conflict"
	FindMalformed          FindingKind = "malformed"
	FindDNSSlow            FindingKind = "dns_slow"
	FindDNSError           FindingKind = "dns_error"
	FindDNSUnanswered      FindingKind = "dns_repeated"
	FindHTTPError          FindingKind = "http_error"
	FindTLSAlert           FindingKind = "tls_alert"
	FindTLSOld             FindingKind = "tls_old_version"
	FindCertificate        FindingKind = "tls_certificate"
	FindClearPassword      FindingKind = "clear_password"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Note    Severity = "note"    // normal work of the protocol
	Warning Severity = "warning" // slows or disturbs
	Error   Severity = "error"   // something failed
)

// Finding is something noteworthy in one packet.
type Finding struct {
	Kind   FindingKind
	Detail string // of this packet; may be empty
}

// Explanation tells a person what a kind of finding is.
type Explanation struct {
	Severity Severity
	Title    string
	Meaning  string // what it means and what to look at
}

// Explain gives the explanation of a kind.
func Explain(k FindingKind) Explanation { return explanations[k] }

// FindingKinds lists all kinds.
func FindingKinds() []FindingKind {
	out := make([]FindingKind, 0, len(explanations))
	for k := range explanations {
		out = append(out, k)
	}
	return out
}

var explanations = map[FindingKind]Explanation{
	FindRetransmission: {
		Warning, "Retransmission",
		"The sender waited for an acknowledgment, did not get it and sent the same bytes again. The packet or its acknowledgment was lost on the way. The user waits for at least the time-out. Many of them point to a bad cable, a full link or a duplex mismatch.",
	},
	FindFastRetransmission: {
		Warning, "Fast retransmission",
		"The receiver asked three times for the same bytes and the sender sent them again at once. A packet was lost, but the connection recovered without a long wait.",
	},
	FindSpurious: {
		Note, "Spurious retransmission",
		"Bytes were sent again that the other side had acknowledged already. The acknowledgment came too late or was lost. It costs a little bandwidth and no time.",
	},
	FindOutOfOrder: {
		Note, "Out of order",
		"A packet arrived after one that was sent later. Packets take different ways, or were captured in another order than sent. A few do no harm; many slow a connection down.",
	},
	FindLost: {
		Warning, "Previous segment missing",
		"Bytes are missing before this packet. Either they were lost on the way, and a retransmission follows, or the capture did not see them.",
	},
	FindAckLost: {
		Note, "Acknowledges what was not captured",
		"The receiver confirms bytes that are not in this capture. The network is fine; the capture missed packets, for example because only one direction was mirrored or the machine was too slow.",
	},
	FindDuplicateAck: {
		Note, "Duplicate acknowledgment",
		"The receiver repeats what it has so far: something after that is missing. After three of them the sender sends again. Look for the loss on the way to this receiver.",
	},
	FindZeroWindow: {
		Error, "Zero window",
		"The receiver says that it has no room left. The sender must stop. The program at the receiver does not read fast enough: look at that machine, not at the network.",
	},
	FindWindowFull: {
		Warning, "Window full",
		"The sender has sent all that the receiver has room for, and waits. Transfer is limited by the receiver or by its buffer size, not by the network.",
	},
	FindReset: {
		Warning, "Connection reset",
		"One side ended the connection at once. A program crashed or gave up, nothing listens on the port, or a firewall cut in. Who sent it tells where to look.",
	},
	FindIPChecksum: {
		Warning, "IP checksum is wrong",
		"The header does not match its check sum. On the machine that sends this is normal when the network card computes it; seen elsewhere, a device on the way damages packets.",
	},
	FindARPConflict: {
		Error, "Two machines have one address",
		"Two hardware addresses claim the same IP address within a minute. Connections go to one or the other at random. Find both machines by their hardware address; a failover of a cluster also looks like this, once.",
	},
	FindMalformed: {
		Warning, "Malformed packet",
		"The packet ends before what its own fields promise, or contradicts itself. A faulty program or an attack, or a protocol on a port where another is expected.",
	},
	FindDNSSlow: {
		Warning, "Slow DNS answer",
		"The answer of the name server took long. Every first connection to that name waits so long. Look at the server, its forwarders and the way to it.",
	},
	FindDNSError: {
		Note, "Name could not be resolved",
		"The name server answered with an error. A name that does not exist is often a typing error or a search list; a failure of the server is worth a look.",
	},
	FindDNSUnanswered: {
		Warning, "DNS question repeated",
		"The same question was asked again because no answer came. The user waits for seconds each time. The name server is down, overloaded or not reachable.",
	},
	FindHTTPError: {
		Note, "HTTP error",
		"The web server answered with an error: 4xx says that the request was wrong, 5xx that the server failed.",
	},
	FindTLSAlert: {
		Error, "TLS alert",
		"One side ended or refused the encrypted connection and said why. The text names the reason, for example a certificate that is not trusted or no common version.",
	},
	FindTLSOld: {
		Warning, "Old TLS version",
		"The connection uses SSL 3, TLS 1.0 or TLS 1.1. They are broken or withdrawn (RFC 8996); current clients refuse them.",
	},
	FindCertificate: {
		Error, "Trouble with a certificate",
		"The certificate of the server is expired, not yet valid or about to expire, at the time of the capture. Clients warn or refuse.",
	},
	FindClearPassword: {
		Warning, "Password in clear text",
		"A password went over the network without encryption. Anyone on the way could read it. Use the encrypted form of the protocol and change the password.",
	},
}

// find notes a finding, at most 16 in a packet.
func (x *dissection) find(f Finding) {
	if x.inErr > 0 || len(x.Findings) >= 16 {
		return
	}
	x.Findings = append(x.Findings, f)
}

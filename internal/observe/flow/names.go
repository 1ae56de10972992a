package flow

import (
	"strconv"
	"strings"
)

// protocols of IP by their number, with the names of the registry of the IANA.
var protocols = map[uint8]string{
	1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah",
	58: "icmp6", 88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite", 137: "mpls",
}

func protocolName(n uint8) string {
	if s, ok := protocols[n]; ok {
		return s
	}
	return strconv.Itoa(int(n))
}

// ports are the services that people know by name; tcp and udp unless only one of
// the two has it.
var ports = map[uint16]string{
	20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 49: "tacacs", 53: "dns", 67: "dhcp", 68: "dhcp", 69: "tftp",
	80: "http", 88: "kerberos", 110: "pop3", 111: "rpcbind", 119: "nntp", 123: "ntp", 135: "msrpc", 137: "netbios-ns", 138: "netbios-dgm",
	139: "netbios-ssn", 143: "imap", 161: "snmp", 162: "snmp-trap", 179: "bgp", 389: "ldap", 443: "https", 445: "smb", 464: "kpasswd",
	465: "smtps", 500: "isakmp", 514: "syslog", 515: "printer", 520: "rip", 546: "dhcpv6", 547: "dhcpv6", 554: "rtsp", 587: "submission",
	623: "ipmi", 631: "ipp", 636: "ldaps", 646: "ldp", 853: "dns-tls", 860: "iscsi", 873: "rsync", 902: "vmware", 989: "ftps-data", 990: "ftps",
	993: "imaps", 995: "pop3s", 1194: "openvpn", 1433: "mssql", 1434: "mssql-browser", 1521: "oracle", 1701: "l2tp", 1723: "pptp",
	1812: "radius", 1813: "radius-acct", 1883: "mqtt", 1900: "ssdp", 2049: "nfs", 2055: "netflow", 2181: "zookeeper", 2375: "docker",
	2376: "docker-tls", 2379: "etcd", 2380: "etcd-peer", 3128: "proxy", 3260: "iscsi", 3268: "global-catalog", 3269: "global-catalog-tls",
	3306: "mysql", 3389: "rdp", 3478: "stun", 4317: "otlp", 4318: "otlp-http", 4500: "ipsec-nat", 4739: "ipfix", 4789: "vxlan",
	5060: "sip", 5061: "sips", 5222: "xmpp", 5353: "mdns", 5355: "llmnr", 5432: "postgresql", 5480: "vmware-admin", 5555: "adb",
	5601: "kibana", 5671: "amqps", 5672: "amqp", 5900: "vnc", 5938: "teamviewer", 5985: "winrm", 5986: "winrm-tls", 6343: "sflow", 6379: "redis",
	6443: "kubernetes", 6514: "syslog-tls", 6881: "bittorrent", 8000: "http-alt", 8080: "http-alt", 8086: "influxdb", 8088: "http-alt",
	8123: "clickhouse", 8443: "https-alt", 8883: "mqtts", 8888: "http-alt", 9000: "http-alt", 9042: "cassandra", 9090: "prometheus",
	9092: "kafka", 9100: "raw-print", 9200: "elasticsearch", 9300: "elasticsearch", 9418: "git", 10050: "zabbix-agent", 10051: "zabbix",
	10250: "kubelet", 11211: "memcached", 25565: "minecraft", 27017: "mongodb", 33434: "traceroute", 51820: "wireguard", 62078: "iphone-sync",
}

// portName gives the name of a port; for udp 443 it is quic.
func portName(protocol uint8, port uint16) (string, bool) {
	if protocol == 17 && port == 443 {
		return "quic", true
	}
	s, ok := ports[port]
	return s, ok
}

// appOf names the application of a service by its port.
func appOf(s service) string {
	if s.port == 0 {
		return protocolName(s.protocol)
	}
	if name, ok := portName(s.protocol, s.port); ok {
		return name
	}
	return s.String()
}

// dscpNames are the names of RFC 2474, 2597, 3246 and 8622.
var dscpNames = map[int]string{
	0: "Default", 1: "LE", 8: "CS1", 10: "AF11", 12: "AF12", 14: "AF13", 16: "CS2", 18: "AF21", 20: "AF22", 22: "AF23",
	24: "CS3", 26: "AF31", 28: "AF32", 30: "AF33", 32: "CS4", 34: "AF41", 36: "AF42", 38: "AF43", 40: "CS5", 44: "VA", 46: "EF", 48: "CS6", 56: "CS7",
}

// flagNames are the flags of TCP from the lowest bit on.
var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"}

func flagsText(n int) string {
	var on []string
	for i, name := range flagNames {
		if n&(1<<i) != 0 {
			on = append(on, name)
		}
	}
	if on == nil {
		return "none"
	}
	return strings.Join(on, " ")
}

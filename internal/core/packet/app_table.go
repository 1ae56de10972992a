package packet

import "sync"

// streamPorts are the protocols of TCP by port.
var streamPorts = sync.OnceValue(func() map[uint16]*streamApp {
	return map[uint16]*streamApp{
		21: ftpApp, 22: sshApp, 25: smtpApp, 53: dnsStreamApp, 80: httpApp, 88: kerberosStreamApp, 110: popApp, 143: imapApp,
		389: ldapApp, 443: tlsApp, 445: smbApp, 465: tlsApp, 587: smtpApp, 636: tlsApp, 853: tlsApp, 993: tlsApp, 995: tlsApp,
		1883: mqttApp, 3268: ldapApp, 3306: mysqlApp, 5060: sipStreamApp, 5432: pgsqlApp, 6379: redisApp, 8000: httpApp, 8080: httpApp, 8443: tlsApp, 8883: tlsApp,
	}
})

// streamGuess are the protocols of TCP that the first bytes give away.
var streamGuess = sync.OnceValue(func() []*streamApp {
	return []*streamApp{httpApp, tlsApp, sshApp, sipStreamApp, smbApp, mqttApp, pgsqlApp, redisApp, smtpApp}
})

// datagramPorts are the protocols of UDP by port.
var datagramPorts = sync.OnceValue(func() map[uint16]*datagramApp {
	return map[uint16]*datagramApp{
		53: dnsApp, 67: dhcpApp, 68: dhcpApp, 69: tftpApp, 88: kerberosApp, 123: ntpApp, 137: nbnsApp, 161: snmpApp, 162: snmpApp, 389: cldapApp,
		443: quicApp, 514: syslogApp, 1645: radiusApp, 1646: radiusApp, 1812: radiusApp, 1813: radiusApp, 1900: ssdpApp,
		2055: flowApp, 3478: stunApp, 3799: radiusApp, 4739: flowApp, 5060: sipApp, 5353: mdnsApp, 5355: llmnrApp, 6343: flowApp, 9995: flowApp, 9996: flowApp,
	}
})

// datagramGuess are the protocols of UDP that the first bytes give away.
var datagramGuess = sync.OnceValue(func() []*datagramApp {
	return []*datagramApp{stunApp, sipApp, quicApp, rtpApp}
})

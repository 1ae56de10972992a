package packet

import (
	"crypto/x509"
	"fmt"
	"time"
)

var (
	fTLS          = def(Protocol, "tls", "Transport layer security")
	fTLSType      = def(Uint, "tls.record.content_type", "Content").named(tlsContent)
	fTLSOpaque    = def(Uint, "tls.record.opaque_type", "Content, as it looks").named(tlsContent)
	fTLSVersion   = hexDef(4, "tls.record.version", "Version").named(tlsVersions)
	fTLSLen       = def(Uint, "tls.record.length", "Length")
	fTLSAppData   = def(Bytes, "tls.app_data", "Encrypted data")
	fTLSHandshake = def(Label, "tls.handshake", "Handshake")
	fTLSHSType    = def(Uint, "tls.handshake.type", "Message").named(tlsMessages)
	fTLSHSLen     = def(Uint, "tls.handshake.length", "Length")
	fTLSHSVersion = hexDef(4, "tls.handshake.version", "Version").named(tlsVersions)
	fTLSRandom    = def(Bytes, "tls.handshake.random", "Random")
	fTLSSession   = def(Bytes, "tls.handshake.session_id", "Session")
	fTLSCipher    = hexDef(4, "tls.handshake.ciphersuite", "Cipher suite")
	fTLSExtType   = def(Uint, "tls.handshake.extension.type", "Extension")
	fTLSSNI       = def(Text, "tls.handshake.extensions_server_name", "Server name")
	fTLSALPN      = def(Text, "tls.handshake.extensions_alpn_str", "Application protocol")
	fTLSSupported = hexDef(4, "tls.handshake.extensions.supported_version", "Supported version").named(tlsVersions)
	fTLSGroup     = hexDef(4, "tls.handshake.extensions_supported_group", "Supported group")
	fTLSCert      = def(Bytes, "tls.handshake.certificate", "Certificate")
	fTLSAlertLvl  = def(Uint, "tls.alert_message.level", "Level").named(map[uint64]string{1: "warning", 2: "fatal"})
	fTLSAlert     = def(Uint, "tls.alert_message.desc", "Alert").named(tlsAlerts)
	fCertSubject  = def(Text, "x509.subject", "Subject")
	fCertIssuer   = def(Text, "x509.issuer", "Issuer")
	fCertFrom     = def(Time, "x509.not_before", "Valid from")
	fCertTo       = def(Time, "x509.not_after", "Valid until")
	fCertName     = def(Text, "x509.dns_name", "Name")
)

var tlsContent = map[uint64]string{20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data", 24: "heartbeat"}

var tlsVersions = map[uint64]string{0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}

var tlsMessages = map[uint64]string{
	0: "hello request", 1: "client hello", 2: "server hello", 4: "new session ticket", 8: "encrypted extensions",
	11: "certificate", 12: "server key exchange", 13: "certificate request", 14: "server hello done", 15: "certificate verify",
	16: "client key exchange", 20: "finished", 22: "certificate status",
}

var tlsAlerts = map[uint64]string{
	0: "close notify", 10: "unexpected message", 20: "bad record MAC", 22: "record overflow", 40: "handshake failure",
	42: "bad certificate", 43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
	47: "illegal parameter", 48: "unknown authority", 49: "access denied", 50: "decode error", 51: "decrypt error", 70: "protocol version",
	71: "insufficient security", 80: "internal error", 86: "inappropriate fallback", 90: "user canceled", 109: "missing extension",
	112: "unrecognized name", 116: "certificate required", 120: "no application protocol",
}

var tlsApp = &streamApp{name: "tls", read: tlsRecord, guess: isTLS, begins: isTLS}

func isTLS(v view) bool {
	return v.len() >= 5 && v.b[0] >= 20 && v.b[0] <= 24 && v.b[1] == 3 && v.b[2] <= 4 && int(v.b[3])<<8|int(v.b[4]) <= 16_384+2048
}

// tlsState is what a connection remembers of its handshake.
type tlsState struct {
	encrypted [2]bool
	part      [2][]byte // a handshake message that spans records
	tls13     bool
}

func tlsRecord(x *dissection, v view) int {
	if v.len() < 5 {
		return 0
	}
	if !isTLS(v) {
		return notMine
	}
	n := 5 + int(v.u16(3))
	if v.len() < n {
		x.need = n
		return 0
	}
	st, _ := x.conv.state.(*tlsState)
	if st == nil {
		st = &tlsState{}
		x.conv.state = st
	}
	i := x.head(fTLS, v.sub(0, n), "tls")
	kind := uint64(v.u8(0))
	if st.tls13 && kind == 23 { // the true content is encrypted
		x.num(fTLSOpaque, v, 0, 1)
	} else {
		x.num(fTLSType, v, 0, 1)
	}
	x.num(fTLSVersion, v, 1, 2)
	x.num(fTLSLen, v, 3, 2)
	body := v.sub(5, n)
	switch {
	case kind == 20:
		st.encrypted[x.dir] = true
		x.Info = "Change cipher spec"
	case kind == 23:
		x.part(fTLSAppData, body, 0, body.len())
		x.Info = "Application data"
	case st.encrypted[x.dir] && !(kind == 22 && st.tls13 && plainHello(body)):
		x.Info = "Encrypted " + tlsContent[kind]
	case kind == 21 && body.len() == 2:
		level, desc := x.num(fTLSAlertLvl, body, 0, 1), x.num(fTLSAlert, body, 1, 1)
		x.Info = "Alert: " + tlsAlerts[desc]
		if desc != 0 {
			who := "the client"
			if x.dir == 1 {
				who = "the server"
			}
			x.find(Finding{FindTLSAlert, fmt.Sprintf("%s from %s, %s", tlsAlerts[desc], who, fTLSAlertLvl.Names[level])})
		}
	case kind == 22:
		x.tlsHandshake(st, body)
	}
	x.close(i)
	return n
}

// plainHello tells a second hello, after a retry request, from encrypted bytes.
func plainHello(v view) bool {
	return v.len() > 4 && v.b[0] <= 2 && v.b[0] > 0 && int(v.b[1])<<16|int(v.b[2])<<8|int(v.b[3]) == v.len()-4
}

func (x *dissection) tlsHandshake(st *tlsState, v view) {
	const most = 256 << 10
	if p := st.part[x.dir]; len(p) > 0 {
		st.part[x.dir] = nil
		if len(p)+v.len() > most {
			return
		}
		v = x.source("handshake put together", append(p, v.b...))
	}
	for v.len() > 0 {
		if v.len() < 4 || v.len() < 4+int(v.num(1, 3)) {
			if v.len() < most {
				st.part[x.dir] = append([]byte(nil), v.b...)
			}
			return
		}
		n := 4 + int(v.num(1, 3))
		x.layer(func(x *dissection, v view) { x.tlsMessage(st, v) }, v.sub(0, n))
		v = v.from(n)
	}
}

func (x *dissection) tlsMessage(st *tlsState, v view) {
	i := x.open(fTLSHandshake, v)
	kind := x.num(fTLSHSType, v, 0, 1)
	x.num(fTLSHSLen, v, 1, 3)
	x.Info = tlsMessages[kind]
	switch kind {
	case 1, 2:
		x.tlsHello(st, v, kind == 1)
	case 11:
		x.tlsCertificates(st, v)
	}
	x.close(i)
}

// tlsHello reads a hello of the client or the server (RFC 8446, 4.1).
func (x *dissection) tlsHello(st *tlsState, v view, client bool) {
	version := x.num(fTLSHSVersion, v, 4, 2)
	x.part(fTLSRandom, v, 6, 32)
	at := 38
	draft := !client && version >= 0x7f00 && version < 0x7f16
	n := 0
	if !draft { // drafts of TLS 1.3 before 22 had no session here
		n = int(v.u8(38))
		if n > 0 {
			x.part(fTLSSession, v, 39, n)
		}
		at = 39 + n
	}
	if client {
		n = int(v.u16(at))
		for k := 0; k+2 <= n; k += 2 {
			x.num(fTLSCipher, v, at+2+k, 2)
		}
		at += 2 + n
		at += 1 + int(v.u8(at))
		x.Info = "Client hello"
	} else {
		x.num(fTLSCipher, v, at, 2)
		at += 3
		if draft {
			at--
		}
		x.Info = "Server hello"
	}
	if at+2 <= v.len() {
		end := at + 2 + int(v.u16(at))
		for at += 2; at+4 <= end; {
			size := int(v.u16(at + 2))
			kind := x.num(fTLSExtType, v, at, 2)
			if w := x.tlsExtension(kind, v.sub(at+4, at+4+size), client); w != 0 && !client {
				version = w
			}
			at += 4 + size
		}
	}
	if !client {
		st.tls13 = version == 0x0304 || draft
		if version < 0x0303 {
			x.find(Finding{FindTLSOld, tlsVersions[version]})
		}
	}
}

// tlsExtension reads an extension; it gives the version that a server chose.
func (x *dissection) tlsExtension(kind uint64, v view, client bool) (version uint64) {
	switch kind {
	case 0:
		if v.len() > 5 {
			n := int(v.u16(3))
			x.Info += " for " + printable(x.part(fTLSSNI, v, 5, n))
		}
	case 16:
		for at := 2; at < v.len(); {
			n := int(v.u8(at))
			x.part(fTLSALPN, v, at+1, n)
			at += 1 + n
		}
	case 10:
		for at := 2; at+2 <= v.len(); at += 2 {
			x.num(fTLSGroup, v, at, 2)
		}
	case 43:
		if !client {
			return x.num(fTLSSupported, v, 0, 2)
		}
		for at := 1; at+2 <= v.len(); at += 2 {
			x.num(fTLSSupported, v, at, 2)
		}
	}
	return 0
}

func (x *dissection) tlsCertificates(st *tlsState, v view) {
	if st.tls13 {
		return
	}
	end := 7 + int(v.num(4, 3))
	for at, n := 7, 0; at+3 <= end && n < 16; n++ {
		size := int(v.num(at, 3))
		b := x.part(fTLSCert, v, at+3, size)
		c := v.sub(at+3, at+3+size)
		at += 3 + size
		cert, err := x509.ParseCertificate(b)
		if err != nil {
			continue
		}
		x.depth++
		x.text(fCertSubject, c, 0, size, cert.Subject.String())
		x.text(fCertIssuer, c, 0, size, cert.Issuer.String())
		x.val(fCertFrom, c, 0, size, uint64(cert.NotBefore.UnixNano()))
		x.val(fCertTo, c, 0, size, uint64(cert.NotAfter.UnixNano()))
		for _, name := range cert.DNSNames[:min(len(cert.DNSNames), 100)] {
			x.text(fCertName, c, 0, size, name)
		}
		x.depth--
		x.certificateNote(cert)
	}
}

func (x *dissection) certificateNote(c *x509.Certificate) {
	const soon = 7 * 24 * time.Hour
	name := printable([]byte(c.Subject.String()))
	switch {
	case x.Time.After(c.NotAfter):
		x.find(Finding{FindCertificate, fmt.Sprintf("%s expired on %s", name, c.NotAfter.Format(time.DateOnly))})
	case x.Time.Before(c.NotBefore):
		x.find(Finding{FindCertificate, fmt.Sprintf("%s is valid only from %s on", name, c.NotBefore.Format(time.DateOnly))})
	case c.NotAfter.Sub(x.Time) < soon:
		x.find(Finding{FindCertificate, fmt.Sprintf("%s expires on %s", name, c.NotAfter.Format(time.DateOnly))})
	}
}

package packet

import "fmt"

var (
	fSNMP       = def(Protocol, "snmp", "Network management")
	fSNMPVer    = def(Uint, "snmp.version", "Version").named(map[uint64]string{0: "1", 1: "2c", 3: "3"})
	fSNMPComm   = def(Text, "snmp.community", "Community")
	fSNMPPDU    = def(Uint, "snmp.data", "PDU").named(snmpPDUs)
	fSNMPReqID  = def(Int, "snmp.request_id", "Request")
	fSNMPErr    = def(Uint, "snmp.error_status", "Error")
	fSNMPErrIdx = def(Uint, "snmp.error_index", "Error at")
	fSNMPName   = def(Text, "snmp.name", "Object")
	fSNMPInt    = def(Int, "snmp.value.int", "Value")
	fSNMPUint   = def(Uint, "snmp.value.uint", "Value")
	fSNMPOctets = def(Bytes, "snmp.value.octets", "Value")
	fSNMPAddr   = def(IPv4, "snmp.value.ipv4", "Value")
	fSNMPOID    = def(Text, "snmp.value.oid", "Value")
	fSNMPTicks  = def(Uint, "snmp.value.timeticks", "Value in hundredths of a second")
	fSNMPUser   = def(Text, "snmp.msgUserName", "User")
	fSNMPMsgID  = def(Int, "snmp.msgID", "Message")
)

var snmpPDUs = map[uint64]string{
	0: "get-request", 1: "get-next-request", 2: "get-response", 3: "set-request", 4: "trap", 5: "getBulkRequest",
	6: "informRequest", 7: "snmpV2-trap", 8: "report",
}

var snmpApp = &datagramApp{name: "snmp", read: snmp, guess: func(v view) bool { return v.len() > 8 && v.b[0] == 0x30 }}

// snmp reads a message of version 1, 2c or 3 (RFC 1157, RFC 3416, RFC 3412).
func snmp(x *dissection, v view) bool {
	parts := v.ber(0).body.children()
	if len(parts) < 3 || parts[0].tag != 2 {
		return false
	}
	i := x.head(fSNMP, v, "snmp")
	x.element(fSNMPVer, parts[0])
	if parts[0].int() == 3 {
		x.snmp3(parts)
	} else {
		x.element(fSNMPComm, parts[1])
		x.snmpPDU(parts[2])
	}
	x.close(i)
	return true
}

func (x *dissection) snmp3(parts []tlv) {
	x.Info = "SNMP version 3"
	if head := parts[1].body.children(); len(head) > 0 {
		x.element(fSNMPMsgID, head[0])
	}
	if parts[2].tag == 4 && parts[2].body.len() > 0 {
		if usm := parts[2].body.ber(0).body.children(); len(usm) >= 4 {
			x.element(fSNMPUser, usm[3])
		}
	}
	if len(parts) > 3 && parts[3].tag == 0x30 { // not encrypted
		if scoped := parts[3].body.children(); len(scoped) == 3 {
			x.snmpPDU(scoped[2])
		}
	}
}

func (x *dissection) snmpPDU(t tlv) {
	kind := uint64(t.tag & 31)
	x.val(fSNMPPDU, t.body, 0, 0, kind)
	x.Info = snmpPDUs[kind]
	p := t.body.children()
	if kind == 4 || len(p) < 4 {
		return
	}
	x.element(fSNMPReqID, p[0])
	if kind != 5 {
		x.element(fSNMPErr, p[1])
		x.element(fSNMPErrIdx, p[2])
	}
	for n, b := range p[3].body.children() {
		pair := b.body.children()
		if len(pair) != 2 {
			continue
		}
		name := pair[0].oid()
		x.text(fSNMPName, pair[0].body, 0, pair[0].body.len(), name)
		if n == 0 {
			x.Info = fmt.Sprintf("%s %s", snmpPDUs[kind], name)
		}
		x.snmpValue(pair[1])
	}
}

func (x *dissection) snmpValue(t tlv) {
	n := t.body.len()
	switch t.tag {
	case 0x02:
		x.element(fSNMPInt, t)
	case 0x41, 0x42, 0x46, 0x47:
		k := uint64(0)
		for _, c := range t.body.b[:min(n, 9)] {
			k = k<<8 | uint64(c)
		}
		x.val(fSNMPUint, t.body, 0, n, k)
	case 0x43:
		x.element(fSNMPTicks, t)
	case 0x04:
		x.part(fSNMPOctets, t.body, 0, n)
	case 0x40:
		if n == 4 {
			x.part(fSNMPAddr, t.body, 0, 4)
		}
	case 0x06:
		x.text(fSNMPOID, t.body, 0, n, t.oid())
	}
}

var (
	fLDAP       = def(Protocol, "ldap", "Directory access")
	fLDAPID     = def(Uint, "ldap.messageID", "Message")
	fLDAPOp     = def(Uint, "ldap.protocolOp", "Operation").named(ldapOps)
	fLDAPName   = def(Text, "ldap.name", "Name")
	fLDAPBase   = def(Text, "ldap.baseObject", "Base")
	fLDAPScope  = def(Uint, "ldap.scope", "Scope").named(map[uint64]string{0: "base", 1: "one level", 2: "subtree"})
	fLDAPResult = def(Uint, "ldap.resultCode", "Result")
	fLDAPMsg    = def(Text, "ldap.errorMessage", "Message")
	fLDAPEntry  = def(Text, "ldap.objectName", "Entry")
)

var ldapOps = map[uint64]string{
	0: "bindRequest", 1: "bindResponse", 2: "unbindRequest", 3: "searchRequest", 4: "searchResEntry", 5: "searchResDone",
	6: "modifyRequest", 7: "modifyResponse", 8: "addRequest", 9: "addResponse", 10: "delRequest", 11: "delResponse", 12: "modDNRequest",
	13: "modDNResponse", 14: "compareRequest", 15: "compareResponse", 16: "abandonRequest", 19: "searchResRef", 23: "extendedReq", 24: "extendedResp",
}

var (
	ldapApp = &streamApp{name: "ldap", guess: isLDAP, begins: isLDAP, read: func(x *dissection, v view) int {
		if v.b[0] != 0x30 {
			return notMine
		}
		n := v.berSize(512 << 10)
		if n > 0 {
			ldapMessage(x, v.sub(0, n))
		}
		return n
	}}
	cldapApp = &datagramApp{name: "ldap", guess: isLDAP, read: func(x *dissection, v view) bool {
		ldapMessage(x, v)
		return true
	}}
)

func isLDAP(v view) bool { return v.len() > 6 && v.b[0] == 0x30 }

// ldapMessage reads RFC 4511.
func ldapMessage(x *dissection, v view) {
	parts := v.ber(0).body.children()
	if len(parts) < 2 || parts[0].tag != 2 {
		panic(errShort)
	}
	i := x.head(fLDAP, v, "ldap")
	x.element(fLDAPID, parts[0])
	op := parts[1]
	kind := uint64(op.tag & 31)
	x.val(fLDAPOp, op.body, 0, 0, kind)
	x.Info = ldapOps[kind]
	if op.tag&0x20 != 0 {
		p := op.body.children()
		switch kind {
		case 0:
			if len(p) >= 3 {
				x.element(fLDAPName, p[1])
				x.Info += " " + printable(p[1].body.b)
				if p[2].tag == 0x80 && p[2].body.len() > 0 {
					x.find(Finding{FindClearPassword, "LDAP, " + printable(p[1].body.b)})
				}
			}
		case 3:
			if len(p) >= 2 {
				x.element(fLDAPBase, p[0])
				x.element(fLDAPScope, p[1])
				x.Info += " " + printable(p[0].body.b)
			}
		case 4:
			if len(p) >= 1 {
				x.element(fLDAPEntry, p[0])
				x.Info += " " + printable(p[0].body.b)
			}
		case 1, 5, 7, 9, 11, 13, 15, 24:
			if len(p) >= 3 {
				x.element(fLDAPResult, p[0])
				x.element(fLDAPMsg, p[2])
			}
		}
	}
	x.close(i)
}

var (
	fKrb      = def(Protocol, "kerberos", "Kerberos")
	fKrbType  = def(Uint, "kerberos.msg_type", "Message").named(map[uint64]string{10: "AS-REQ", 11: "AS-REP", 12: "TGS-REQ", 13: "TGS-REP", 14: "AP-REQ", 15: "AP-REP", 30: "ERROR"})
	fKrbRealm = def(Text, "kerberos.realm", "Realm")
	fKrbError = def(Uint, "kerberos.error_code", "Error")
	fKrbName  = def(Text, "kerberos.CNameString", "Client")
)

var (
	kerberosApp       = &datagramApp{name: "krb5", guess: func(v view) bool { return v.len() > 4 && v.b[0]&0xe0 == 0x60 }, read: kerberos}
	kerberosStreamApp = &streamApp{name: "krb5", read: func(x *dissection, v view) int {
		if v.len() < 5 {
			return 0
		}
		n := int(v.u32(0))
		if n > 512<<10 || v.b[4]&0xe0 != 0x60 {
			return notMine
		}
		if v.len() < 4+n {
			return 0
		}
		kerberos(x, v.sub(4, 4+n))
		return 4 + n
	}}
)

// kerberos reads the outer fields of a message (RFC 4120).
func kerberos(x *dissection, v view) bool {
	app := v.ber(0)
	i := x.head(fKrb, v, "kerberos")
	kind := uint64(app.tag & 31)
	x.val(fKrbType, v, 0, 1, kind)
	x.Info = fKrbType.Names[kind]
	for _, t := range app.body.ber(0).body.children() {
		inner := func() tlv { return t.body.ber(0) }
		switch {
		case kind == 30 && t.tag == 0xa6:
			x.element(fKrbError, inner())
		case kind == 30 && t.tag == 0xa9, (kind == 11 || kind == 13) && t.tag == 0xa3:
			x.element(fKrbRealm, inner())
		case (kind == 10 || kind == 12) && t.tag == 0xa4:
			for _, b := range inner().body.children() {
				switch b.tag {
				case 0xa1:
					x.kerberosName(b.body.ber(0))
				case 0xa2:
					x.element(fKrbRealm, b.body.ber(0))
				}
			}
		case (kind == 11 || kind == 13) && t.tag == 0xa4:
			x.kerberosName(inner())
		}
	}
	x.close(i)
	return true
}

func (x *dissection) kerberosName(t tlv) {
	for _, p := range t.body.children() {
		if p.tag != 0xa1 {
			continue
		}
		for _, s := range p.body.ber(0).body.children() {
			x.element(fKrbName, s)
			x.Info += " " + printable(s.body.b)
		}
	}
}

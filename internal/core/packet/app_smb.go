package packet

import (
	"bytes"
	"unicode/utf16"
)

var (
	fNBSS       = def(Protocol, "nbss", "NetBIOS session")
	fNBSSLen    = def(Uint, "nbss.length", "Length")
	fSMB        = def(Protocol, "smb", "SMB 1")
	fSMB2       = def(Protocol, "smb2", "SMB 2 and 3")
	fSMB2Cmd    = def(Uint, "smb2.cmd", "Command").named(smbCommands)
	fSMB2Status = hexDef(8, "smb2.nt_status", "Status")
	fSMB2Resp   = def(Bool, "smb2.flags.response", "Response")
	fSMB2MsgID  = def(Uint, "smb2.msg_id", "Message")
	fSMB2Tree   = hexDef(8, "smb2.tid", "Tree")
	fSMB2Sess   = hexDef(16, "smb2.sesid", "Session")
	fSMB2File   = def(Text, "smb2.filename", "File")
	fSMB2Share  = def(Text, "smb2.tree", "Share")
	fSMB2Dial   = hexDef(4, "smb2.dialect", "Dialect")
)

var smbCommands = map[uint64]string{
	0: "Negotiate", 1: "Session setup", 2: "Log off", 3: "Tree connect", 4: "Tree disconnect", 5: "Create", 6: "Close",
	7: "Flush", 8: "Read", 9: "Write", 10: "Lock", 11: "Ioctl", 12: "Cancel", 13: "Keep alive", 14: "Find", 15: "Notify", 16: "Get info", 17: "Set info", 18: "Break",
}

func isSMB(v view) bool {
	return v.len() >= 8 && v.b[0] == 0 && bytes.Equal(v.b[5:8], []byte("SMB")) && (v.b[4] == 0xfe || v.b[4] == 0xff || v.b[4] == 0xfd || v.b[4] == 0xfc)
}

var smbApp = &streamApp{name: "smb", read: smbRead, guess: isSMB, begins: isSMB}

func smbRead(x *dissection, v view) int {
	if v.len() < 4 {
		return 0
	}
	n := int(v.num(1, 3))
	if v.u8(0) != 0 && v.u8(0) != 0x85 {
		return notMine
	}
	if v.len() < 4+n {
		if n > x.d.limits.StreamBytes/2 { // a long write or read: its head is enough
			x.conv.half[x.dir].stream.skip = uint64(4 + n - v.len())
			n = v.len() - 4
		} else {
			x.need = 4 + n
			return 0
		}
	}
	v = v.sub(0, 4+n)
	i := x.head(fNBSS, v, "nbss")
	x.num(fNBSSLen, v, 1, 3)
	x.close(i)
	b := v.from(4)
	for count := 0; b.len() >= 64 && count < 64; count++ {
		if b.b[0] != 0xfe {
			if b.b[0] == 0xff {
				x.close(x.head(fSMB, b, "smb"))
				x.Info = "SMB 1"
			}
			break
		}
		next := int(b.le(20, 4))
		one := b
		if next >= 64 && next <= b.len() {
			one = b.upTo(next)
		}
		x.layer(smb2, one)
		if next < 64 || next > b.len() {
			break
		}
		b = b.from(next)
	}
	return 4 + n
}

// smb2 reads the header of a message and the names in requests (MS-SMB2, 2.2).
func smb2(x *dissection, v view) {
	i := x.head(fSMB2, v, "smb2")
	cmd := x.le(fSMB2Cmd, v, 12, 2)
	response := v.u8(16)&1 != 0
	if response {
		x.le(fSMB2Status, v, 8, 4)
	}
	x.flag(fSMB2Resp, v, 16, 4, response)
	x.le(fSMB2MsgID, v, 24, 8)
	if v.u8(16)&2 == 0 {
		x.le(fSMB2Tree, v, 36, 4)
	}
	x.le(fSMB2Sess, v, 40, 8)
	word := " request"
	if response {
		word = " response"
	}
	x.Info = smbCommands[cmd] + word
	named := func(d *Def, offset, length int) {
		if n := int(v.le(length, 2)); n > 0 {
			at := int(v.le(offset, 2))
			s := utf16Text(v.bytes(at, n))
			x.text(d, v, at, n, s)
			x.Info += " " + printable([]byte(s))
		}
	}
	switch {
	case cmd == 0 && response:
		x.le(fSMB2Dial, v, 64+4, 2)
	case cmd == 3 && !response:
		named(fSMB2Share, 64+4, 64+6)
	case cmd == 5 && !response:
		named(fSMB2File, 64+44, 64+46)
	}
	x.close(i)
}

func utf16Text(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return string(utf16.Decode(u))
}

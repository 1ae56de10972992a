package packet

import "bytes"

type sshState struct{ greeted, encrypted [2]bool }

var sshApp = &streamApp{name: "ssh", read: sshRead, guess: func(v view) bool { return bytes.HasPrefix(v.b, []byte("SSH-")) }}

func sshRead(x *dissection, v view) int {
	st, _ := x.conv.state.(*sshState)
	if st == nil {
		st = &sshState{}
		x.conv.state = st
	}
	if !st.greeted[x.dir] {
		end, next, ok := v.line(0)
		if !ok {
			if v.len() > 1024 {
				return notMine
			}
			return 0
		}
		i := x.head(fSSH, v.sub(0, next), "ssh")
		if bytes.HasPrefix(v.b, []byte("SSH-")) {
			st.greeted[x.dir] = true
			x.Info = printable(x.part(fSSHVersion, v, 0, end))
		}
		x.close(i)
		return next
	}
	if st.encrypted[x.dir] {
		i := x.head(fSSH, v, "ssh")
		x.part(fSSHCrypt, v, 0, v.len())
		x.Info = "Encrypted"
		x.close(i)
		return v.len()
	}
	if v.len() < 6 {
		return 0
	}
	n := int(v.u32(0))
	if n < 2 || n > 256<<10 {
		return notMine
	}
	if v.len() < 4+n {
		return 0
	}
	v = v.sub(0, 4+n)
	i := x.head(fSSH, v, "ssh")
	x.num(fSSHLen, v, 0, 4)
	x.num(fSSHPad, v, 4, 1)
	code := x.num(fSSHCode, v, 5, 1)
	x.Info = fSSHCode.Names[code]
	switch code {
	case 20:
		at := 22
		for _, d := range []*Def{fSSHKex, fSSHHostKey, fSSHCipher, fSSHCipherS} {
			size := int(v.u32(at))
			x.part(d, v, at+4, size)
			at += 4 + size
		}
	case 21:
		st.encrypted[x.dir] = true
	}
	x.close(i)
	return 4 + n
}

package packet

import (
	"bytes"
	"strconv"
	"strings"
)

var (
	fSMTP       = def(Protocol, "smtp", "Simple mail transfer")
	fSMTPReq    = def(Bool, "smtp.req", "Request")
	fSMTPRsp    = def(Bool, "smtp.rsp", "Response")
	fSMTPCmd    = def(Text, "smtp.req.command", "Command")
	fSMTPArg    = def(Text, "smtp.req.parameter", "Parameter")
	fSMTPCode   = def(Uint, "smtp.response.code", "Response code")
	fSMTPText   = def(Text, "smtp.rsp.parameter", "Response")
	fSMTPBody   = def(Text, "smtp.data.fragment", "Message")
	fIMAP       = def(Protocol, "imap", "IMAP")
	fIMAPLine   = def(Text, "imap.line", "Line")
	fIMAPTag    = def(Text, "imap.request_tag", "Tag")
	fIMAPCmd    = def(Text, "imap.request.command", "Command")
	fIMAPStatus = def(Text, "imap.response.status", "Status")
	fPOP        = def(Protocol, "pop", "POP3")
	fPOPCmd     = def(Text, "pop.request.command", "Command")
	fPOPArg     = def(Text, "pop.request.parameter", "Parameter")
	fPOPStatus  = def(Text, "pop.response.indicator", "Response")
	fPOPText    = def(Text, "pop.response.description", "Description")
	fFTP        = def(Protocol, "ftp", "File transfer")
	fFTPCmd     = def(Text, "ftp.request.command", "Command")
	fFTPArg     = def(Text, "ftp.request.arg", "Argument")
	fFTPCode    = def(Uint, "ftp.response.code", "Response code")
	fFTPText    = def(Text, "ftp.response.arg", "Response")
	fSSH        = def(Protocol, "ssh", "Secure shell")
	fSSHVersion = def(Text, "ssh.protocol", "Version")
	fSSHLen     = def(Uint, "ssh.packet_length", "Packet length")
	fSSHPad     = def(Uint, "ssh.padding_length", "Padding length")
	fSSHCode    = def(Uint, "ssh.message_code", "Message").named(map[uint64]string{20: "key exchange init", 21: "new keys", 30: "key exchange", 31: "key exchange reply", 34: "group request"})
	fSSHKex     = def(Text, "ssh.kex_algorithms", "Key exchange methods")
	fSSHHostKey = def(Text, "ssh.server_host_key_algorithms", "Host key methods")
	fSSHCipher  = def(Text, "ssh.encryption_algorithms_client_to_server", "Ciphers of the client")
	fSSHCipherS = def(Text, "ssh.encryption_algorithms_server_to_client", "Ciphers of the server")
	fSSHCrypt   = def(Bytes, "ssh.encrypted_packet", "Encrypted")
)

// mostLine bounds a line of a protocol of lines.
const mostLine = 64 << 10

// lineApp makes a protocol in which every message is a line.
func lineApp(name string, guess func(view) bool, read func(x *dissection, v view, end, next int)) *streamApp {
	return &streamApp{name: name, guess: guess, read: func(x *dissection, v view) int {
		end, next, ok := v.line(0)
		if !ok {
			if v.len() > mostLine {
				return notMine
			}
			return 0
		}
		read(x, v.sub(0, next), end, next)
		return next
	}}
}

// words finds the first word of a line and where the second begins.
func words(b []byte) (first, second int) {
	first = bytes.IndexByte(b, ' ')
	if first < 0 {
		return len(b), len(b)
	}
	second = first + 1
	for second < len(b) && b[second] == ' ' {
		second++
	}
	return first, second
}

func digits(b []byte) (uint64, bool) {
	if len(b) < 3 || len(b) > 3 && b[3] != ' ' && b[3] != '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[:3]), 10, 16)
	return n, err == nil
}

type smtpState struct{ data, startTLS, auth bool }

var smtpApp = lineApp("smtp", func(v view) bool {
	n, ok := digits(v.b)
	if ok && n == 220 {
		return bytes.Contains(v.b[:min(len(v.b), 500)], []byte("SMTP"))
	}
	up := bytes.ToUpper(v.b[:min(len(v.b), 5)])
	return bytes.Equal(up, []byte("EHLO ")) || bytes.Equal(up, []byte("HELO "))
}, smtpLine)

func smtpLine(x *dissection, v view, end, _ int) {
	st, _ := x.conv.state.(*smtpState)
	if st == nil {
		st = &smtpState{}
		x.conv.state = st
	}
	line := v.b[:end]
	i := x.head(fSMTP, v, "smtp")
	if code, ok := digits(line); ok && x.dir == 1 {
		x.flag(fSMTPRsp, v, 0, 0, true)
		x.val(fSMTPCode, v, 0, 3, code)
		if end > 4 {
			x.part(fSMTPText, v, 4, end-4)
		}
		x.Info = "S: " + printable(line)
		switch {
		case code == 354:
			st.data = true
		case code == 220 && st.startTLS:
			x.conv.app, x.conv.state = tlsApp, nil
		}
		st.auth = st.auth && code == 334
		x.close(i)
		return
	}
	if st.data && x.dir == 0 {
		x.part(fSMTPBody, v, 0, end)
		st.data = string(line) != "."
		x.close(i)
		return
	}
	first, second := words(line)
	x.flag(fSMTPReq, v, 0, 0, true)
	command := strings.ToUpper(string(line[:first]))
	if st.auth {
		first, second = end, end
	}
	x.part(fSMTPCmd, v, 0, first)
	if second < end {
		x.part(fSMTPArg, v, second, end-second)
	}
	x.Info = "C: " + printable(line)
	switch command {
	case "STARTTLS":
		st.startTLS = true
	case "AUTH":
		st.auth = true
		x.Info = "C: AUTH"
		x.find(Finding{FindClearPassword, "SMTP"})
	}
	x.close(i)
}

var imapApp = lineApp("imap", nil, func(x *dissection, v view, end, _ int) {
	line := v.b[:end]
	i := x.head(fIMAP, v, "imap")
	x.part(fIMAPLine, v, 0, end)
	first, second := words(line)
	if x.dir == 0 && second < end {
		x.part(fIMAPTag, v, 0, first)
		n, _ := words(line[second:])
		command := strings.ToUpper(string(x.part(fIMAPCmd, v, second, n)))
		x.Info = "C: " + printable(line)
		if command == "LOGIN" {
			x.Info = "C: " + printable(line[:second]) + "LOGIN"
			x.find(Finding{FindClearPassword, "IMAP"})
		}
	} else if second < end {
		n, _ := words(line[second:])
		switch s := string(line[second : second+n]); s {
		case "OK", "NO", "BAD":
			if line[0] != '*' {
				x.part(fIMAPStatus, v, second, n)
			}
		}
		x.Info = "S: " + printable(line)
	}
	x.close(i)
})

var popApp = lineApp("pop", nil, func(x *dissection, v view, end, _ int) {
	line := v.b[:end]
	i := x.head(fPOP, v, "pop")
	first, second := words(line)
	if x.dir == 0 {
		command := strings.ToUpper(string(x.part(fPOPCmd, v, 0, first)))
		if second < end {
			x.part(fPOPArg, v, second, end-second)
		}
		x.Info = "C: " + printable(line)
		if command == "PASS" {
			x.Info = "C: PASS"
			x.find(Finding{FindClearPassword, "POP3"})
		}
	} else if end > 0 && (line[0] == '+' || line[0] == '-') {
		x.part(fPOPStatus, v, 0, first)
		if second < end {
			x.part(fPOPText, v, second, end-second)
		}
		x.Info = "S: " + printable(line)
	}
	x.close(i)
})

var ftpApp = lineApp("ftp", nil, func(x *dissection, v view, end, _ int) {
	line := v.b[:end]
	i := x.head(fFTP, v, "ftp")
	if code, ok := digits(line); ok && x.dir == 1 {
		x.val(fFTPCode, v, 0, 3, code)
		if end > 4 {
			x.part(fFTPText, v, 4, end-4)
		}
		x.Info = "S: " + printable(line)
	} else {
		first, second := words(line)
		command := strings.ToUpper(string(x.part(fFTPCmd, v, 0, first)))
		if second < end {
			x.part(fFTPArg, v, second, end-second)
		}
		x.Info = "C: " + printable(line)
		if command == "PASS" {
			x.Info = "C: PASS"
			if arg := string(line[second:]); arg != "" && !strings.Contains(arg, "@") {
				x.find(Finding{FindClearPassword, "FTP"})
			}
		}
	}
	x.close(i)
})

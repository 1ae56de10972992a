package packet

import (
	"bytes"
	"fmt"
)

var (
	fMySQL        = def(Protocol, "mysql", "MySQL")
	fMySQLLen     = def(Uint, "mysql.packet_length", "Length")
	fMySQLSeq     = def(Uint, "mysql.packet_number", "Number")
	fMySQLProto   = def(Uint, "mysql.protocol", "Protocol version")
	fMySQLVersion = def(Text, "mysql.version", "Server version")
	fMySQLThread  = def(Uint, "mysql.thread_id", "Connection")
	fMySQLUser    = def(Text, "mysql.user", "User")
	fMySQLSchema  = def(Text, "mysql.schema", "Database")
	fMySQLCommand = def(Uint, "mysql.command", "Command").named(map[uint64]string{1: "Quit", 2: "Use database", 3: "Query", 4: "Show fields", 14: "Ping", 22: "Prepare", 23: "Execute", 25: "Close statement"})
	fMySQLQuery   = def(Text, "mysql.query", "Statement")
	fMySQLErr     = def(Uint, "mysql.error_code", "Error")
	fMySQLErrText = def(Text, "mysql.error.message", "Message")
	fMySQLOK      = def(Uint, "mysql.response_code", "Response code")
	fPG           = def(Protocol, "pgsql", "PostgreSQL")
	fPGType       = def(Text, "pgsql.type", "Message")
	fPGLen        = def(Uint, "pgsql.length", "Length")
	fPGName       = def(Text, "pgsql.parameter_name", "Parameter")
	fPGValue      = def(Text, "pgsql.parameter_value", "Value")
	fPGQuery      = def(Text, "pgsql.query", "Statement")
	fPGAuth       = def(Int, "pgsql.authtype", "Authentication")
	fPGTag        = def(Text, "pgsql.tag", "Tag")
	fPGSeverity   = def(Text, "pgsql.severity", "Severity")
	fPGCode       = def(Text, "pgsql.code", "Code")
	fPGMessage    = def(Text, "pgsql.message", "Message")
	fPGColumn     = def(Text, "pgsql.col.name", "Column")
)

// mysqlState is what a connection remembers of its login.
type mysqlState struct {
	greeted bool
	login   bool
	flags   uint64
}

var mysqlApp = &streamApp{name: "mysql", read: mysql}

func mysql(x *dissection, v view) int {
	const most = 1 << 24
	if v.len() < 4 {
		return 0
	}
	n := int(v.le(0, 3))
	if n > most || n == 0 && v.u8(3) == 0 {
		return notMine
	}
	if v.len() < 4+n {
		return 0
	}
	st, _ := x.conv.state.(*mysqlState)
	if st == nil {
		st = &mysqlState{}
		x.conv.state = st
	}
	v = v.sub(0, 4+n)
	i := x.head(fMySQL, v, "mysql")
	x.le(fMySQLLen, v, 0, 3)
	x.num(fMySQLSeq, v, 3, 1)
	b := v.from(4)
	switch {
	case n == 0:
	case x.dir == 1 && !st.greeted && b.u8(0) == 10:
		st.greeted = true
		x.num(fMySQLProto, b, 0, 1)
		end := bytes.IndexByte(b.b[1:], 0)
		if end >= 0 {
			x.part(fMySQLVersion, b, 1, end)
			x.le(fMySQLThread, b, 2+end, 4)
			x.Info = "Greeting, version " + printable(b.b[1:1+end])
		}
	case x.dir == 0 && !st.login && v.u8(3) <= 3:
		x.mysqlLogin(st, b)
	case x.dir == 0 && v.u8(3) == 0:
		kind := x.num(fMySQLCommand, b, 0, 1)
		x.Info = fMySQLCommand.Names[kind]
		if kind == 3 || kind == 22 {
			x.Info += ": " + printable(x.part(fMySQLQuery, b, 1, n-1))
		}
		if kind == 2 {
			x.part(fMySQLSchema, b, 1, n-1)
		}
	case x.dir == 1:
		code := b.u8(0)
		switch {
		case code == 0xff && n >= 3:
			x.num(fMySQLOK, b, 0, 1)
			x.Info = fmt.Sprintf("Error %d", x.le(fMySQLErr, b, 1, 2))
			from := 3
			if n > 9 && b.u8(3) == '#' {
				from = 9
			}
			x.part(fMySQLErrText, b, from, n-from)
		case code == 0:
			x.num(fMySQLOK, b, 0, 1)
			x.Info = "OK"
		default:
			x.Info = "Result"
		}
	}
	x.close(i)
	return 4 + n
}

func (x *dissection) mysqlLogin(st *mysqlState, b view) {
	const withTLS, withDatabase, secure, protocol41 = 0x800, 0x8, 0x8000, 0x200
	st.login = true
	st.flags = b.le(0, 2)
	if st.flags&withTLS != 0 && b.len() <= 32 {
		x.Info = "Request for TLS"
		x.conv.app, x.conv.state = tlsApp, nil
		return
	}
	if st.flags&protocol41 == 0 || b.len() < 33 {
		return
	}
	at := 32
	end := bytes.IndexByte(b.b[at:], 0)
	if end < 0 {
		return
	}
	x.Info = "Login of " + printable(x.part(fMySQLUser, b, at, end))
	at += end + 1
	if st.flags&secure != 0 && at < b.len() {
		at += 1 + int(b.u8(at))
	}
	if st.flags&withDatabase != 0 && at < b.len() {
		if end := bytes.IndexByte(b.b[at:], 0); end > 0 {
			x.part(fMySQLSchema, b, at, end)
		}
	}
}

var pgMessages = [2]map[byte]string{
	{
		'B': "Bind", 'C': "Close", 'd': "Copy data", 'c': "Copy done", 'D': "Describe", 'E': "Execute", 'F': "Function call", 'H': "Flush",
		'p': "Password message", 'P': "Parse", 'Q': "Simple query", 'S': "Sync", 'X': "Termination", 'f': "Copy fail",
	},
	{
		'R': "Authentication request", 'K': "Backend key data", '2': "Bind completion", '3': "Close completion", 'C': "Command completion",
		'd': "Copy data", 'G': "Copy in response", 'H': "Copy out response", 'D': "Data row", 'I': "Empty query", 'E': "Error", 'n': "No data",
		'N': "Notice", 'A': "Notification", 't': "Parameter description", 'S': "Parameter status", '1': "Parse completion",
		's': "Portal suspended", 'Z': "Ready for query", 'T': "Row description",
	},
}

type pgState struct{ begun, askedTLS bool }

var pgsqlApp = &streamApp{name: "pgsql", read: pgsql, guess: func(v view) bool {
	if v.len() < 8 {
		return false
	}
	code := v.u32(4)
	return int(v.u32(0)) <= 10_000 && (code == 196608 || code == 80877103 || code == 80877102) || v.b[0] < 127 && pgMessages[1][v.b[0]] != "" && v.u32(1) < 10_000 && v.u32(1) >= 4
}}

func pgsql(x *dissection, v view) int {
	const most = 16 << 20
	st, _ := x.conv.state.(*pgState)
	if st == nil {
		st = &pgState{}
		x.conv.state = st
	}
	if x.dir == 1 && st.askedTLS {
		st.askedTLS = false
		if v.u8(0) == 'S' {
			x.conv.app, x.conv.state = tlsApp, nil
		}
		x.close(x.head(fPG, v.sub(0, 1), "pgsql"))
		x.Info = "Answer to the request for TLS: " + printable(v.b[:1])
		return 1
	}
	if x.dir == 0 && !st.begun && v.u8(0) == 0 {
		return x.pgStartup(st, v)
	}
	if v.len() < 5 {
		return 0
	}
	n := int(v.u32(1))
	name := pgMessages[x.dir][v.u8(0)]
	if n < 4 || n > most || name == "" {
		return notMine
	}
	if v.len() < 1+n {
		return 0
	}
	v = v.sub(0, 1+n)
	i := x.head(fPG, v, "pgsql")
	x.text(fPGType, v, 0, 1, name)
	x.num(fPGLen, v, 1, 4)
	x.Info = name
	b := v.from(5)
	kind := v.u8(0)
	switch {
	case x.dir == 0 && kind == 'Q':
		x.Info += ": " + printable(x.pgString(fPGQuery, b, 0))
	case x.dir == 0 && kind == 'P':
		skip := bytes.IndexByte(b.b, 0) + 1
		x.Info += ": " + printable(x.pgString(fPGQuery, b, skip))
	case x.dir == 1 && kind == 'R':
		code := x.num(fPGAuth, b, 0, 4)
		if code == 3 {
			x.find(Finding{FindClearPassword, "PostgreSQL"})
		}
	case x.dir == 1 && kind == 'S':
		name := x.pgString(fPGName, b, 0)
		x.pgString(fPGValue, b, len(name)+1)
	case x.dir == 1 && kind == 'C':
		x.Info += ": " + printable(x.pgString(fPGTag, b, 0))
	case x.dir == 1 && (kind == 'E' || kind == 'N'):
		for at := 0; at < b.len() && b.u8(at) != 0; {
			d := map[byte]*Def{'S': fPGSeverity, 'C': fPGCode, 'M': fPGMessage}[b.u8(at)]
			end := bytes.IndexByte(b.b[at+1:], 0)
			if end < 0 {
				break
			}
			if d != nil {
				x.part(d, b, at+1, end)
			}
			at += end + 2
		}
	case x.dir == 1 && kind == 'T':
		count := int(b.u16(0))
		for at, k := 2, 0; k < count; k++ {
			name := x.pgString(fPGColumn, b, at)
			at += len(name) + 1 + 18
		}
	}
	x.close(i)
	return 1 + n
}

// pgString adds a text that a zero ends.
func (x *dissection) pgString(d *Def, b view, at int) []byte {
	b.need(at, 1)
	end := bytes.IndexByte(b.b[at:], 0)
	if end < 0 {
		panic(errShort)
	}
	return x.part(d, b, at, end)
}

func (x *dissection) pgStartup(st *pgState, v view) int {
	if v.len() < 8 {
		return 0
	}
	n := int(v.u32(0))
	if n < 8 || n > 10_000 {
		return notMine
	}
	if v.len() < n {
		return 0
	}
	v = v.sub(0, n)
	i := x.head(fPG, v, "pgsql")
	x.num(fPGLen, v, 0, 4)
	switch v.u32(4) {
	case 80877103:
		x.text(fPGType, v, 0, 0, "SSL request")
		x.Info = "Request for TLS"
		st.askedTLS = true
	case 80877102:
		x.text(fPGType, v, 0, 0, "Cancel request")
		x.Info = "Cancel request"
	default:
		st.begun = true
		x.text(fPGType, v, 0, 0, "Startup message")
		x.Info = "Startup"
		for at := 8; at < n && v.u8(at) != 0; {
			name := x.pgString(fPGName, v, at)
			at += len(name) + 1
			value := x.pgString(fPGValue, v, at)
			at += len(value) + 1
			if string(name) == "user" {
				x.Info += " of " + printable(value)
			}
		}
	}
	x.close(i)
	return n
}

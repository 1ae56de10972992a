package packet

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	fHTTP        = def(Protocol, "http", "Hypertext transfer protocol")
	fHTTPReq     = def(Bool, "http.request", "Request")
	fHTTPResp    = def(Bool, "http.response", "Response")
	fHTTPMethod  = def(Text, "http.request.method", "Method")
	fHTTPURI     = def(Text, "http.request.uri", "Address")
	fHTTPPath    = def(Text, "http.request.uri.path", "Path")
	fHTTPQuery   = def(Text, "http.request.uri.query", "Query")
	fHTTPReqVer  = def(Text, "http.request.version", "Version")
	fHTTPFull    = def(Text, "http.request.full_uri", "Full address")
	fHTTPCode    = def(Uint, "http.response.code", "Status")
	fHTTPRespVer = def(Text, "http.response.version", "Version")
	fHTTPPhrase  = def(Text, "http.response.phrase", "Reason")
	fHTTPReqLine = def(Text, "http.request.line", "Header line")
	fHTTPResLine = def(Text, "http.response.line", "Header line")
	fHTTPTime    = def(Duration, "http.time", "Time since the request")
	fHTTPReqIn   = def(Uint, "http.request_in", "Request in frame")
	fHTTPFile    = def(Bytes, "http.file_data", "Body")
	fHTTPLength  = def(Uint, "http.content_length", "Length of the body")
	fSSDP        = def(Protocol, "ssdp", "Simple service discovery")
)

// httpHeaders are the header lines with a field of their own.
var httpHeaders = func() map[string]*Def {
	m := map[string]*Def{}
	for name, label := range map[string]string{
		"host": "Host", "user-agent": "User agent", "server": "Server", "content-type": "Content type", "location": "Location",
		"referer": "Referer", "cookie": "Cookie", "set-cookie": "Set cookie", "transfer-encoding": "Transfer encoding",
		"content-encoding": "Content encoding", "authorization": "Authorization", "connection": "Connection", "date": "Date", "accept": "Accept",
		"accept-encoding": "Accept encoding", "accept-language": "Accept language", "x-forwarded-for": "Forwarded for", "cache-control": "Cache control",
		"last-modified": "Last modified", "upgrade": "Upgrade", "www-authenticate": "Authenticate", "proxy-authorization": "Proxy authorization",
	} {
		field := "http." + strings.ReplaceAll(name, "-", "_")
		m[name] = def(Text, field, label)
	}
	m["content-length"] = def(Text, "http.content_length_header", "Content length")
	return m
}()

var httpMethods = []string{
	"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND", "PROPPATCH", "MKCOL",
	"COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "NOTIFY", "M-SEARCH", "SUBSCRIBE", "UNSUBSCRIBE", "PURGE", "SEARCH", "MERGE",
}

var (
	httpApp = &streamApp{name: "http", read: httpRead, guess: isHTTP, begins: isHTTP, last: httpLast}
	ssdpApp = &datagramApp{name: "ssdp", guess: isHTTP, read: func(x *dissection, v view) bool { return httpMessage(x, v, fSSDP, "ssdp", true) > 0 }}
)

func isHTTP(v view) bool {
	if bytes.HasPrefix(v.b, []byte("HTTP/")) || bytes.HasPrefix(v.b, []byte("PRI * HTTP/2.0\r\n")) {
		return true
	}
	for _, m := range httpMethods {
		if n := len(m); v.len() > n && v.b[n] == ' ' && string(v.b[:n]) == m {
			return true
		}
	}
	return false
}

// httpState is what a connection remembers of its requests.
type httpState struct {
	asked []httpAsked
	open  [2]bool // a body that only the end of the connection ends
	part  [2]httpPart
}

// httpPart is how far a message that is not whole was read. Reading goes on
// there: many small segments would make reading from the begin quadratic.
type httpPart struct {
	searched int // no end of the head before this
	head     *httpHead
	chunk    int // where the next chunk of the body begins
}

type httpAsked struct {
	method string
	at     time.Time
	frame  int
	uri    string
}

func httpRead(x *dissection, v view) int {
	if bytes.HasPrefix(v.b, []byte("PRI * HTTP/2.0")) {
		x.conv.app = http2App
		return 0
	}
	if st, ok := httpStateOf(x); ok && st.open[x.dir] {
		if v.len() < x.d.limits.StreamBytes/2 {
			return 0
		}
		x.conv.half[x.dir].stream.skip = 1 << 62
		return v.len()
	}
	return httpMessage(x, v, fHTTP, "http", false)
}

// httpLast reads what is left at the end of a connection: a body without a
// length, or a message that was cut off.
func httpLast(x *dissection, v view) {
	if st, ok := httpStateOf(x); ok && st.open[x.dir] {
		i := x.head(fHTTP, v, "http")
		x.val(fHTTPLength, v, 0, 0, uint64(v.len()))
		x.part(fHTTPFile, v, 0, v.len())
		x.close(i)
		return
	}
	httpMessage(x, v, fHTTP, "http", true)
}

// httpHead is the begin of a message.
type httpHead struct {
	request bool
	method  string
	uri     string
	code    int
	body    int // where it begins
	length  int64
	chunked bool
	upgrade string
	host    string
	auth    string
}

// httpMessage reads one message; 0 when it is not whole. atEnd: no more will come.
func httpMessage(x *dissection, v view, d *Def, name string, atEnd bool) int {
	const mostHead = 256 << 10
	if !isHTTP(v) && (v.len() > 16 || atEnd) {
		return notMine
	}
	st, _ := httpStateOf(x)
	var known httpPart
	if st != nil && !atEnd {
		known, st.part[x.dir] = st.part[x.dir], httpPart{}
	}
	if known.head == nil {
		end := headEnd(v.b, known.searched)
		if end < 0 {
			if v.len() > mostHead {
				return notMine
			}
			if !atEnd {
				st.part[x.dir].searched = max(v.len()-3, 0)
				return 0
			}
			end = v.len()
		}
		h, ok := httpStart(v, end)
		if !ok {
			return notMine
		}
		known = httpPart{head: &h, chunk: h.body}
	}
	h, end := known.head, known.head.body
	var asked httpAsked
	if !h.request && st != nil && len(st.asked) > 0 {
		asked = st.asked[0]
	}
	size, whole, open := h.extent(v, asked.method, &known)
	if open && !atEnd { // the head is read now, the body when the connection ends
		st.open[x.dir] = true
	} else if open {
		size = int64(v.len())
	} else if !whole && !atEnd {
		if size < int64(x.d.limits.StreamBytes/2) {
			if !h.chunked {
				x.need = int(size)
			}
			st.part[x.dir] = known
			return 0
		}
		// A body longer than what is kept: its head is read now, the rest passes by.
		x.conv.half[x.dir].stream.skip = uint64(size) - uint64(v.len())
	}
	used := int(min(size, int64(v.len())))
	i := x.head(d, v.upTo(used), name)
	x.httpFields(v, h, end, st, asked)
	if used > h.body {
		x.val(fHTTPLength, v, h.body, 0, uint64(used-h.body))
		x.part(fHTTPFile, v, h.body, used-h.body)
	}
	x.close(i)
	if h.code == 101 && strings.EqualFold(h.upgrade, "websocket") {
		x.conv.half[x.dir].stream.skip = 1 << 62
		x.conv.half[1-x.dir].stream.skip = 1 << 62
	}
	if asked.method == "CONNECT" && h.code/100 == 2 {
		x.conv.app, x.conv.tried = nil, false
	}
	return used
}

func httpStateOf(x *dissection) (*httpState, bool) {
	if x.conv == nil {
		return nil, false
	}
	st, _ := x.conv.state.(*httpState)
	if st == nil {
		st = &httpState{}
		x.conv.state = st
	}
	return st, true
}

// headEnd finds the byte behind the empty line; -1 when there is none.
func headEnd(b []byte, from int) int {
	from = min(from, len(b))
	a, c := bytes.Index(b[from:], []byte("\r\n\r\n")), bytes.Index(b[from:], []byte("\n\n"))
	switch {
	case a >= 0 && (c < 0 || a < c):
		return from + a + 4
	case c >= 0:
		return from + c + 2
	}
	return -1
}

// httpStart reads the head without adding fields.
func httpStart(v view, end int) (httpHead, bool) {
	h := httpHead{body: end, length: -1}
	lineEnd, next, ok := v.line(0)
	if !ok {
		lineEnd, next = v.len(), v.len()
	}
	p := strings.SplitN(string(v.b[:lineEnd]), " ", 3)
	if len(p) < 2 {
		return h, false
	}
	if strings.HasPrefix(p[0], "HTTP/") {
		h.code, _ = strconv.Atoi(p[1])
	} else {
		h.request, h.method, h.uri = true, p[0], p[1]
	}
	for at := next; at < end; {
		e, n, ok := v.line(at)
		if !ok {
			break
		}
		k, val, _ := strings.Cut(string(v.b[at:e]), ":")
		val = strings.TrimSpace(val)
		switch strings.ToLower(k) {
		case "content-length":
			if n, err := strconv.ParseInt(val, 10, 63); err == nil && n >= 0 && n < 1<<50 {
				h.length = n
			}
		case "transfer-encoding":
			h.chunked = strings.Contains(strings.ToLower(val), "chunked")
		case "upgrade":
			h.upgrade = val
		case "host":
			h.host = val
		case "authorization", "proxy-authorization":
			h.auth = val
		}
		at = n
	}
	return h, true
}

// extent is how long the message is (RFC 9112, 6.3), whether all of it is
// there, and whether only the end of the connection ends it.
func (h *httpHead) extent(v view, askedMethod string, known *httpPart) (size int64, whole, open bool) {
	switch {
	case !h.request && (h.code/100 == 1 || h.code == 204 || h.code == 304 || askedMethod == "HEAD"):
		return int64(h.body), true, false
	case h.chunked:
		n, next, ok := chunkedEnd(v.b, known.chunk)
		known.chunk = next
		return int64(n), ok, false
	case h.length >= 0:
		size = int64(h.body) + h.length
		return size, size <= int64(v.len()), false
	case h.request:
		return int64(h.body), true, false
	}
	return int64(h.body), false, true
}

// chunkedEnd finds the end of a body in chunks, of which one begins at from. When
// it is not whole, next is where the first chunk begins that is not all there.
func chunkedEnd(b []byte, from int) (end, next int, whole bool) {
	at := from
	for at < len(b) {
		begin := at
		eol := bytes.IndexByte(b[at:], '\n')
		if eol < 0 {
			return len(b), begin, false
		}
		text, _, _ := strings.Cut(strings.TrimSpace(string(b[at:at+min(eol, 100)])), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(text), 16, 31)
		if err != nil {
			return len(b), begin, true // not chunks: the rest is taken as it is
		}
		at += eol + 1
		if n == 0 { // lines of a trailer until an empty one
			for {
				eol := bytes.IndexByte(b[at:], '\n')
				if eol < 0 {
					return len(b), begin, false
				}
				empty := eol == 0 || eol == 1 && b[at] == '\r'
				at += eol + 1
				if empty {
					return at, begin, true
				}
			}
		}
		at += int(n)
		if at < len(b) && b[at] == '\r' {
			at++
		}
		if at >= len(b) {
			return at, begin, false
		}
		if b[at] == '\n' {
			at++
		}
	}
	return len(b), at, false
}

// httpFields adds the fields of the head.
func (x *dissection) httpFields(v view, h *httpHead, end int, st *httpState, asked httpAsked) {
	lineEnd, next, ok := v.line(0)
	if !ok {
		lineEnd, next = v.len(), v.len()
	}
	first := v.b[:lineEnd]
	x.Info = printable(first)
	sp := bytes.IndexByte(first, ' ')
	rest := bytes.IndexByte(first[sp+1:], ' ')
	second := len(first)
	if rest >= 0 {
		second = sp + 1 + rest
	}
	if h.request {
		x.flag(fHTTPReq, v, 0, 0, true)
		x.part(fHTTPMethod, v, 0, sp)
		x.part(fHTTPURI, v, sp+1, second-sp-1)
		if q := strings.IndexByte(h.uri, '?'); q >= 0 {
			x.part(fHTTPPath, v, sp+1, q)
			x.part(fHTTPQuery, v, sp+2+q, len(h.uri)-q-1)
		}
		if second < len(first) {
			x.part(fHTTPReqVer, v, second+1, len(first)-second-1)
		}
		if st != nil && len(st.asked) < 64 {
			st.asked = append(st.asked, httpAsked{h.method, x.Time, x.Number, h.uri})
		}
	} else {
		x.flag(fHTTPResp, v, 0, 0, true)
		x.part(fHTTPRespVer, v, 0, sp)
		x.val(fHTTPCode, v, sp+1, second-sp-1, uint64(max(h.code, 0)))
		if second < len(first) {
			x.part(fHTTPPhrase, v, second+1, len(first)-second-1)
		}
		if asked.method != "" {
			x.gen(fHTTPReqIn, uint64(asked.frame))
			x.gen(fHTTPTime, uint64(x.Time.Sub(asked.at)))
			if h.code/100 != 1 {
				st.asked = st.asked[1:]
			}
		}
		if h.code >= 400 {
			x.find(Finding{FindHTTPError, fmt.Sprintf("%s for %s", printable(first), printable([]byte(asked.uri)))})
		}
	}
	for at := next; at < end; {
		e, n, ok := v.line(at)
		if !ok || e == at {
			break
		}
		for n < end && e > at && (v.b[n] == ' ' || v.b[n] == '\t') { // goes on in the next line
			if e2, n2, ok := v.line(n); ok {
				e, n = e2, n2
				continue
			}
			break
		}
		x.httpHeader(v, at, e, h.request)
		at = n
	}
	if h.request && h.host != "" && h.method != "CONNECT" {
		full := h.uri
		if strings.HasPrefix(full, "/") {
			full = "http://" + h.host + full
		}
		x.genText(fHTTPFull, full)
	}
	x.basicPassword(h.auth)
}

func (x *dissection) httpHeader(v view, at, end int, request bool) {
	line := fHTTPResLine
	if request {
		line = fHTTPReqLine
	}
	x.part(line, v, at, end-at)
	colon := bytes.IndexByte(v.b[at:end], ':')
	if colon < 0 {
		return
	}
	d := httpHeaders[strings.ToLower(string(v.b[at:at+colon]))]
	if d == nil {
		return
	}
	from := at + colon + 1
	for from < end && (v.b[from] == ' ' || v.b[from] == '\t') {
		from++
	}
	x.part(d, v, from, end-from)
}

func (x *dissection) basicPassword(auth string) {
	kind, value, _ := strings.Cut(auth, " ")
	if !strings.EqualFold(kind, "basic") {
		return
	}
	b, err := base64.StdEncoding.DecodeString(value)
	user, _, ok := strings.Cut(string(b), ":")
	if err == nil && ok {
		x.find(Finding{FindClearPassword, "HTTP, user " + printable([]byte(user))})
	}
}

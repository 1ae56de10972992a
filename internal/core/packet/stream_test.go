package packet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const request = "GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n"

func kinds(p *Packet) []FindingKind {
	var out []FindingKind
	for _, f := range p.Findings {
		out = append(out, f.Kind)
	}
	return out
}

func TestMessageOverSegments(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(80)
	require.Nil(t, c.say(0, request[:10]).Find("http.request.method"))
	p := c.say(0, request[10:]+request)
	require.Equal(t, []string{"/a", "/a"}, p.All("http.request.uri"), "two requests end in this segment")
	require.Equal(t, request, string(p.Sources[p.Find("http.request.uri").Source].Data[:len(request)]))
	c.say(1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n")
	p = c.say(1, "0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	require.Equal(t, []string{"200", "404"}, p.All("http.response.code"))
	require.Equal(t, []FindingKind{FindHTTPError}, kinds(p))
	require.Zero(t, c.d.convs.held.used, "nothing is kept when nothing waits")
}

func TestPayloadOnceAndInOrder(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(80)
	base := c.seq[0]
	fresh := 0
	at := func(from, to int) *Packet {
		p := c.segment(0, base+uint32(from), PSH|ACK, []byte(request[from:to]))
		fresh += p.PayloadNew
		return p
	}
	require.Contains(t, kinds(at(20, 30)), FindLost)
	require.Contains(t, kinds(at(0, 10)), FindOutOfOrder)
	at(20, 30) // again
	at(25, 35) // partly again
	require.Nil(t, at(0, 10).Find("http.host"))
	at(10, 25)
	p := at(30, len(request))
	require.Equal(t, "example.com", p.Find("http.host").Value())
	require.Equal(t, len(request), fresh, "every byte once")
	require.Zero(t, c.d.convs.held.used)
}

func TestLostBytesAreGivenUp(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(80)
	c.say(0, request)
	c.seq[1] += 5000 // never captured
	c.segment(0, c.seq[0], ACK, nil)
	p := c.say(1, "HTTP/1.1 204 No Content\r\n\r\n")
	require.Equal(t, "204", p.Find("http.response.code").Value(), "the other side has acknowledged the gap: reading goes on behind it")
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{StreamBytes: 5_000, AllBytes: 20_000, Segments: 8}).connect(80)
	c.say(0, request)
	c.say(1, "HTTP/1.1 200 OK\r\nX: ")
	for range 100 {
		c.say(1, strings.Repeat("x", 1000))
		require.LessOrEqual(t, c.d.convs.held.used, 20_000)
	}
	// Segments that leave a gap behind each of them.
	c.seq[0] += 1000
	for range 100 {
		c.say(0, strings.Repeat("y", 1000))
		c.seq[0] += 10
		require.LessOrEqual(t, c.d.convs.held.used, 20_000)
	}
	// A body longer than what is kept passes by; the next request is read.
	c = newWire(t, Limits{StreamBytes: 5_000}).connect(80)
	p := c.say(0, "POST /up HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
	require.Equal(t, "/up", p.Find("http.request.uri").Value())
	for range 100 {
		c.say(0, strings.Repeat("z", 1000))
	}
	require.Equal(t, "/a", c.say(0, request).Find("http.request.uri").Value())
}

func TestConversationsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWire(t, Limits{Conversations: 10})
	for port := range uint16(500) {
		w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(10_000+port, 5000, []byte("x")))))
	}
	require.Len(t, w.d.convs.byKey, 10)
}

func TestFindingsOfTCP(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(9999)
	text := strings.Repeat("data ", 100)
	c.say(0, text)
	c.now = c.now.Add(time.Second)
	require.Contains(t, kinds(c.segment(0, c.seq[0]-uint32(len(text)), PSH|ACK, []byte(text))), FindRetransmission)
	c.segment(1, c.seq[1], ACK, nil)
	require.Contains(t, kinds(c.segment(0, c.seq[0]-uint32(len(text)), PSH|ACK, []byte(text))), FindSpurious)
	require.Contains(t, kinds(c.segment(1, c.seq[1], ACK, nil)), FindDuplicateAck)
	src := ethernetFrame(0x0800, ipv4Packet(serverIP, clientIP, 6, 1, 0, tcpSegment(9999, 40000, c.seq[1], c.seq[0], ACK, 0, nil)))
	require.Contains(t, kinds(c.eth(src)), FindZeroWindow)
	p := c.segment(1, c.seq[1], RST|ACK, nil)
	require.Contains(t, kinds(p), FindReset)
	require.Contains(t, p.Findings[0].Detail, "after the connection was established")
	w := newWire(t, Limits{})
	w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 6, 1, 0, tcpSegment(40000, 81, 1, 0, SYN, 100, nil))))
	p = w.eth(ethernetFrame(0x0800, ipv4Packet(serverIP, clientIP, 6, 1, 0, tcpSegment(81, 40000, 0, 2, RST|ACK, 0, nil))))
	require.Equal(t, []FindingKind{FindReset}, kinds(p))
	require.Contains(t, p.Findings[0].Detail, "nothing listens there")
}

func TestFindingsOfDNS(t *testing.T) {
	t.Parallel()
	w := newWire(t, Limits{})
	ask := []byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04slow\x00\x00\x01\x00\x01")
	answer := []byte("\x00\x07\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00\x04slow\x00\x00\x01\x00\x01")
	question := ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(4000, 53, ask)))
	w.eth(question)
	w.now = w.now.Add(300 * time.Millisecond)
	require.Equal(t, []FindingKind{FindDNSUnanswered}, kinds(w.eth(question)))
	p := w.eth(ethernetFrame(0x0800, ipv4Packet(serverIP, clientIP, 17, 1, 0, udpDatagram(53, 4000, answer))))
	require.Equal(t, []FindingKind{FindDNSSlow, FindDNSError}, kinds(p))
	require.InDelta(t, 0.302, p.Find("dns.time").Float(), 0.001)
	require.Contains(t, p.Findings[1].Detail, "no such name")
}

func TestPasswordsInClearText(t *testing.T) {
	t.Parallel()
	for port, says := range map[uint16]string{
		80: "GET / HTTP/1.1\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n", 21: "PASS secret\r\n", 110: "PASS secret\r\n", 143: "a LOGIN user secret\r\n",
		6379: "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", 1883: "\x10\x1a\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c\x00\x03bob\x00\x06secret",
	} {
		p := newWire(t, Limits{}).connect(port).say(0, says)
		require.Equal(t, []FindingKind{FindClearPassword}, kinds(p), "port %d", port)
		require.NotContains(t, fmt.Sprint(p.Findings, p.Info), "secret", "port %d: it is said, not repeated", port)
	}
}

func TestStartTLS(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(25)
	c.say(1, "220 mail ESMTP\r\n")
	c.say(0, "EHLO me\r\n")
	c.say(1, "250 STARTTLS\r\n")
	c.say(0, "STARTTLS\r\n")
	c.say(1, "220 go ahead\r\n")
	require.Equal(t, "handshake", c.say(0, "\x16\x03\x01\x00\x04\x0e\x00\x00\x00").Find("tls.record.content_type").Meaning())
	p := c.say(1, "\x15\x03\x03\x00\x02\x02\x30")
	require.Equal(t, []FindingKind{FindTLSAlert}, kinds(p))
	require.Contains(t, p.Findings[0].Detail, "unknown authority from the server")
}

func TestUnknownPortIsGuessed(t *testing.T) {
	t.Parallel()
	require.Equal(t, "http", newWire(t, Limits{}).connect(12345).say(0, request).Protocol)
	require.Equal(t, "ssh", newWire(t, Limits{}).connect(12345).say(0, "SSH-2.0-Test\r\n").Protocol)
	require.Equal(t, "redis", newWire(t, Limits{}).connect(12345).say(0, "*1\r\n$4\r\nPING\r\n").Protocol)
	require.Equal(t, "tcp", newWire(t, Limits{}).connect(80).say(0, "\x00\x01\x02 not HTTP at all").Protocol)
}

// Many small segments must not make a message be read from its begin each time.
func TestReadingGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	c := newWire(t, Limits{}).connect(80)
	c.say(0, "POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 100 {
		for _, piece := range strings.SplitAfter("1\r\na\r\n", "") {
			require.Nil(t, c.say(0, piece).Find("http.request.uri"))
		}
	}
	for _, v := range c.d.convs.byKey {
		part := v.state.(*httpState).part[0]
		require.NotNil(t, part.head)
		require.Greater(t, part.chunk, 600)
	}
	p := c.say(0, "0\r\n\r\n")
	require.Equal(t, "/chunks", p.Find("http.request.uri").Value())
	require.Len(t, p.Find("http.file_data").Bytes(), 605)
	// What was remembered of a message does not outlive bytes that were lost.
	c.say(0, "POST /lost HTTP/1.1\r\nContent-Length: 5000\r\n\r\nabc")
	c.seq[0] += 9000
	c.segment(1, c.seq[1]+1, ACK, nil)
	c.seq[1]++
	p = c.say(0, request)
	require.Equal(t, "/a", p.Find("http.request.uri").Value())
}

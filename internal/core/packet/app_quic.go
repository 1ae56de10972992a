package packet

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

var (
	fQUIC        = def(Protocol, "quic", "QUIC")
	fQUICLong    = def(Bool, "quic.header_form", "Long header")
	fQUICVersion = hexDef(8, "quic.version", "Version")
	fQUICType    = def(Uint, "quic.long.packet_type", "Packet").named(map[uint64]string{0: "Initial", 1: "0-RTT", 2: "Handshake", 3: "Retry"})
	fQUICDCID    = def(Bytes, "quic.dcid", "Destination connection")
	fQUICSCID    = def(Bytes, "quic.scid", "Source connection")
	fQUICNumber  = def(Uint, "quic.packet_number", "Packet number")
	fQUICFrame   = def(Uint, "quic.frame_type", "Frame")
	fQUICCrypto  = def(Uint, "quic.crypto.offset", "Offset of the handshake")
	fQUICCryptoN = def(Uint, "quic.crypto.length", "Length of the handshake")
)

const quicV1 = 1

// quicApp reads what QUIC leaves in clear text (RFC 9000, 17.2), and the first
// packets of both sides, whose keys everybody can compute (RFC 9001, 5.2).
var quicApp = &datagramApp{name: "quic", guess: func(v view) bool {
	if v.len() < 7 || v.b[0]&0xc0 != 0xc0 {
		return false
	}
	version := v.u32(1)
	return version == quicV1 || version>>8 == 0xff0000
}, read: func(x *dissection, v view) bool {
	for n := 0; v.len() > 0 && n < 8; n++ { // several packets may share a datagram
		if v.b[0]&0xc0 != 0xc0 {
			break
		}
		size := v.len()
		x.layer(func(x *dissection, v view) { size = x.quicLong(v) }, v)
		v = v.from(min(size, v.len()))
	}
	return true
}}

// quicState is what a conversation remembers until its handshake was read.
type quicState struct {
	dcid   []byte // that the client chose first
	crypto [2][]quicPart
}

type quicPart struct {
	at   uint64
	data []byte
}

// varint reads a number of one to eight bytes (RFC 9000, 16).
func (v view) varint(i int) (n uint64, next int) {
	size := 1 << (v.u8(i) >> 6)
	n = v.num(i, size)
	return n & (1<<(8*size-2) - 1), i + size
}

// quicLong reads a packet with a long header and tells how long it is.
func (x *dissection) quicLong(v view) int {
	i := x.head(fQUIC, v, "quic")
	x.flag(fQUICLong, v, 0, 1, true)
	kind := uint64(v.u8(0) >> 4 & 3)
	version := x.num(fQUICVersion, v, 1, 4)
	x.val(fQUICType, v, 0, 1, kind)
	x.Info = "QUIC " + fQUICType.Names[kind]
	n := int(v.u8(5))
	dcid := x.part(fQUICDCID, v, 6, n)
	at := 6 + n
	n = int(v.u8(at))
	x.part(fQUICSCID, v, at+1, n)
	at += 1 + n
	if version == 0 || kind == 3 { // negotiation, retry: to the end of the datagram
		x.close(i)
		return v.len()
	}
	if kind == 0 {
		token, next := v.varint(at)
		if token > uint64(v.len()) {
			panic(errShort)
		}
		at = next + int(token)
	}
	length, at := v.varint(at)
	if length > uint64(v.len()-at) {
		panic(errShort)
	}
	end := at + int(length)
	if kind == 0 && version == quicV1 {
		x.quicInitial(v.sub(0, end), at, dcid)
	}
	x.end(i, v, end)
	return end
}

// quicKeys are those of the first packets of one side.
func quicKeys(dcid []byte, side string) (key, iv, protect []byte, err error) {
	salt := []byte{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}
	secret, err := hkdf.Extract(sha256.New, dcid, salt)
	if err != nil {
		return nil, nil, nil, err
	}
	label := func(secret []byte, name string, n int) []byte {
		name = "tls13 " + name
		info := append([]byte{0, byte(n), byte(len(name))}, name...)
		out, e := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
		if e != nil {
			err = e
		}
		return out
	}
	secret = label(secret, side, 32)
	return label(secret, "quic key", 16), label(secret, "quic iv", 12), label(secret, "quic hp", 16), err
}

// quicInitial decrypts an Initial packet whose number begins at pn.
func (x *dissection) quicInitial(v view, pn int, dcid []byte) {
	st, _ := x.conv.state.(*quicState)
	if st == nil {
		st = &quicState{dcid: slices.Clone(dcid)}
		x.conv.state = st
	}
	side := "client in"
	if x.dir == 1 {
		side = "server in"
	}
	key, iv, protect, err := quicKeys(st.dcid, side)
	if err != nil {
		return
	}
	block, err := aes.NewCipher(protect)
	if err != nil {
		return
	}
	var mask [16]byte
	block.Encrypt(mask[:], v.bytes(pn+4, 16))
	head := slices.Clone(v.b[:pn+4])
	head[0] ^= mask[0] & 0x0f
	n := int(head[0]&3) + 1
	number := uint64(0)
	for k := range n {
		head[pn+k] ^= mask[1+k]
		number = number<<8 | uint64(head[pn+k])
	}
	nonce := slices.Clone(iv)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^number)
	block, err = aes.NewCipher(key)
	if err != nil {
		return
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return
	}
	plain, err := aead.Open(nil, nonce, v.b[pn+n:], head[:pn+n])
	if err != nil {
		return // of another connection on the same ports, or damaged
	}
	x.val(fQUICNumber, v, pn, n, number)
	x.quicFrames(st, x.source("QUIC packet, decrypted", plain))
}

// quicFrames reads the frames of an Initial packet; the handshake in them may
// come in parts and over several packets.
func (x *dissection) quicFrames(st *quicState, v view) {
	const mostParts = 64
	for at := 0; at < v.len(); {
		kind := v.u8(at)
		if kind == 0 { // padding
			at++
			continue
		}
		x.num(fQUICFrame, v, at, 1)
		at++
		switch kind {
		case 1: // ping
		case 2, 3:
			at = quicAck(v, at, kind == 3)
		case 6:
			from, next := v.varint(at)
			x.val(fQUICCrypto, v, at, next-at, from)
			n, begin := v.varint(next)
			x.val(fQUICCryptoN, v, next, begin-next, n)
			if n > uint64(v.len()) {
				panic(errShort)
			}
			data := v.bytes(begin, int(n))
			if len(st.crypto[x.dir]) < mostParts {
				st.crypto[x.dir] = append(st.crypto[x.dir], quicPart{from, slices.Clone(data)})
			}
			at = begin + int(n)
		default:
			at = v.len()
		}
	}
	x.quicHello(st)
}

func quicAck(v view, at int, ecn bool) int {
	_, at = v.varint(at)
	_, at = v.varint(at)
	count, at := v.varint(at)
	_, at = v.varint(at)
	for k := uint64(0); k < min(count, 1000)*2; k++ {
		_, at = v.varint(at)
	}
	if ecn {
		for range 3 {
			_, at = v.varint(at)
		}
	}
	return at
}

// quicHello reads the hello once all of it is there.
func (x *dissection) quicHello(st *quicState) {
	const most = 32 << 10
	parts := st.crypto[x.dir]
	slices.SortFunc(parts, func(a, b quicPart) int { return cmp.Compare(a.at, b.at) })
	var whole []byte
	for _, p := range parts {
		if p.at > uint64(len(whole)) || len(whole) > most {
			break
		}
		if skip := uint64(len(whole)) - p.at; skip < uint64(len(p.data)) {
			whole = append(whole, p.data[skip:]...)
		}
	}
	if len(whole) < 4 || len(whole) < 4+int(whole[1])<<16+int(whole[2])<<8+int(whole[3]) {
		return
	}
	st.crypto[x.dir] = nil
	n := 4 + int(whole[1])<<16 + int(whole[2])<<8 + int(whole[3])
	x.app("tls")
	x.layer(func(x *dissection, v view) { x.tlsMessage(&tlsState{}, v) }, x.source("handshake put together", whole).sub(0, n))
	x.Info = "QUIC Initial, " + x.Info
}

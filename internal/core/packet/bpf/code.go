package bpf

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
)

// assembly is a program with labels that are not places yet. Every test ends
// with two jumps that reach everywhere, because those of a comparison reach only
// 255 instructions far.
type assembly struct {
	ins    []bpf.Instruction
	labels []int       // place of a label
	jumps  map[int]int // instruction to label
	link   Link
	off    uint32 // of the IP header
}

func (a *assembly) label() int {
	a.labels = append(a.labels, -1)
	return len(a.labels) - 1
}

func (a *assembly) place(l int) { a.labels[l] = len(a.ins) }

func (a *assembly) emit(i bpf.Instruction) { a.ins = append(a.ins, i) }

func (a *assembly) jump(l int) {
	if a.jumps == nil {
		a.jumps = map[int]int{}
	}
	a.jumps[len(a.ins)] = l
	a.emit(bpf.Jump{})
}

// resolve puts the places of labels into the jumps. All jumps go forward.
func (a *assembly) resolve() {
	for i, l := range a.jumps {
		a.ins[i] = bpf.Jump{Skip: uint32(a.labels[l] - i - 1)}
	}
}

// branch compares the accumulator.
func (a *assembly) branch(c bpf.JumpTest, v uint32, yes, no int) {
	a.emit(bpf.JumpIf{Cond: c, Val: v, SkipFalse: 1})
	a.jump(yes)
	a.jump(no)
}

// loads compares a value of n bytes at a place, under a mask.
func loads(at func(a *assembly) uint32, n int, mask, want uint32) test {
	return func(a *assembly, yes, no int) {
		a.emit(bpf.LoadAbsolute{Off: at(a), Size: n})
		if mask != 0xffffffff {
			a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
		}
		a.branch(bpf.JumpEqual, want, yes, no)
	}
}

func fixed(n uint32) func(*assembly) uint32 { return func(*assembly) uint32 { return n } }

func inIP(n uint32) func(*assembly) uint32 { return func(a *assembly) uint32 { return a.off + n } }

func never(a *assembly, _, no int) { a.jump(no) }

func isEther(kind uint32) test {
	return func(a *assembly, yes, no int) {
		if a.link != Ethernet {
			never(a, yes, no)
			return
		}
		loads(fixed(12), 2, 0xffffffff, kind)(a, yes, no)
	}
}

// isVersion tests the version of IP: by the type of the frame, or by the first four bits.
func isVersion(kind, version uint32) test {
	return func(a *assembly, yes, no int) {
		if a.link == Ethernet {
			isEther(kind)(a, yes, no)
			return
		}
		loads(fixed(0), 1, 0xf0, version<<4)(a, yes, no)
	}
}

func isIP4(a *assembly, yes, no int) { isVersion(0x0800, 4)(a, yes, no) }
func isIP6(a *assembly, yes, no int) { isVersion(0x86dd, 6)(a, yes, no) }

func proto4(n uint32) test { return loads(inIP(9), 1, 0xffffffff, n) }
func proto6(n uint32) test { return loads(inIP(6), 1, 0xffffffff, n) }

func isProto(n uint32) test {
	return either(both(isIP4, proto4(n)), both(isIP6, proto6(n)))
}

func isMAC(mac net.HardwareAddr, at uint32) test {
	return func(a *assembly, yes, no int) {
		if a.link != Ethernet {
			never(a, yes, no)
			return
		}
		both(loads(fixed(at), 4, 0xffffffff, binary.BigEndian.Uint32(mac)), loads(fixed(at+4), 2, 0xffffffff, uint32(binary.BigEndian.Uint16(mac[4:]))))(a, yes, no)
	}
}

// isNet tests addresses; those of IPv4 also in ARP, as pcap-filter does.
func isNet(n netip.Prefix, src, dst bool) test {
	b := n.Addr().AsSlice()
	match := func(place func(uint32) func(*assembly) uint32) func(uint32) test {
		return func(at uint32) test {
			var all test
			for i := 0; i < len(b); i += 4 {
				bits := min(max(n.Bits()-8*i, 0), 32)
				if bits == 0 && i > 0 {
					break
				}
				mask := uint32(uint64(0xffffffff) << (32 - bits))
				t := loads(place(at+uint32(i)), 4, mask, binary.BigEndian.Uint32(b[i:])&mask)
				if all == nil {
					all = t
				} else {
					all = both(all, t)
				}
			}
			return all
		}
	}
	if len(b) == 16 {
		return both(isIP6, anySide(src, dst, match(inIP), 8, 24))
	}
	return either(both(isIP4, anySide(src, dst, match(inIP), 12, 16)), both(isEther(0x0806), anySide(src, dst, match(inIP), 14, 24)))
}

// isPort tests ports of the first fragment.
func isPort(protos []uint32, low, high uint32, src, dst bool) test {
	oneOf := func(proto func(uint32) test) test {
		t := proto(protos[0])
		for _, n := range protos[1:] {
			t = either(t, proto(n))
		}
		return t
	}
	compare := func(a *assembly, yes, no int) {
		if low == high {
			a.branch(bpf.JumpEqual, low, yes, no)
			return
		}
		next := a.label()
		a.branch(bpf.JumpGreaterOrEqual, low, next, no)
		a.place(next)
		a.branch(bpf.JumpLessOrEqual, high, yes, no)
	}
	at4 := func(n uint32) test {
		return func(a *assembly, yes, no int) {
			a.emit(bpf.LoadMemShift{Off: a.off})
			a.emit(bpf.LoadIndirect{Off: a.off + n, Size: 2})
			compare(a, yes, no)
		}
	}
	at6 := func(n uint32) test {
		return func(a *assembly, yes, no int) {
			a.emit(bpf.LoadAbsolute{Off: a.off + 40 + n, Size: 2})
			compare(a, yes, no)
		}
	}
	first := loads(inIP(6), 2, 0x1fff, 0)
	return either(
		both(both(both(isIP4, oneOf(proto4)), first), anySide(src, dst, at4, 0, 2)),
		both(both(isIP6, oneOf(proto6)), anySide(src, dst, at6, 0, 2)),
	)
}

package index

import (
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// Row is a packet in a list.
type Row struct {
	Number   int
	Time     time.Time
	Src, Dst string
	Protocol string
	Length   int
	Info     string
	Findings []packet.Finding
	// Conversation is 0 for packets that belong to none.
	Conversation uint64
	FromServer   bool
	Malformed    bool
}

// blockOf finds the block of a packet.
func blockOf(blocks []block, number int) (block, bool) {
	i, ok := slices.BinarySearchFunc(blocks, number, func(b block, n int) int {
		switch {
		case b.First+b.Count < n:
			return -1
		case b.First >= n:
			return 1
		}
		return 0
	})
	if !ok {
		return block{}, false
	}
	return blocks[i], true
}

// Rows gives the rows of packets, whose numbers must be in order. Numbers that
// the capture does not have are left out.
func (x *Index) Rows(numbers []uint32) ([]Row, error) {
	blocks := x.view()
	out := make([]Row, 0, len(numbers))
	for len(numbers) > 0 {
		b, ok := blockOf(blocks, int(numbers[0]))
		if !ok {
			numbers = numbers[1:]
			continue
		}
		n := 1
		for n < len(numbers) && int(numbers[n]) <= b.First+b.Count && numbers[n] > numbers[n-1] {
			n++
		}
		rows, err := x.blockRows(b, numbers[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		numbers = numbers[n:]
	}
	return out, nil
}

func (x *Index) blockRows(b block, numbers []uint32) ([]Row, error) {
	var nums [4][]uint64
	var err error
	for i, name := range []string{colTime, colLength, colTalk, colFlags} {
		if nums[i], err = x.numbers(b, name); err != nil {
			return nil, err
		}
	}
	var texts [4][]string
	for i, name := range []string{colSrc, colDst, colProtocol, colInfo} {
		if texts[i], err = x.texts(b, name); err != nil {
			return nil, err
		}
	}
	finds, err := x.blockFindings(b)
	if err != nil {
		return nil, err
	}
	out := make([]Row, len(numbers))
	for k, n := range numbers {
		i := int(n) - b.First - 1
		out[k] = Row{
			Number: int(n), Time: time.Unix(0, int64(nums[0][i])).UTC(), Src: texts[0][i], Dst: texts[1][i], Protocol: texts[2][i], Info: texts[3][i],
			Length: int(nums[1][i]), Conversation: nums[2][i], FromServer: nums[3][i]&flagServer != 0, Malformed: nums[3][i]&flagMalformed != 0,
			Findings: finds[i],
		}
	}
	return out, nil
}

// blockFindings gives the findings by place in the block.
func (x *Index) blockFindings(b block) (map[int][]packet.Finding, error) {
	kinds, err := x.column(b, colFinding)
	if err != nil {
		return nil, err
	}
	details, err := x.column(b, colDetail)
	if err != nil {
		return nil, err
	}
	out := map[int][]packet.Finding{}
	for kinds.nextPacket(b.Count) {
		if !details.nextPacket(b.Count) || details.at != kinds.at || details.left != kinds.left {
			return nil, errDamaged
		}
		for kinds.left > 0 {
			out[kinds.at] = append(out[kinds.at], packet.Finding{Kind: packet.FindingKind(kinds.next().data), Detail: string(details.next().data)})
			if kinds.bad || details.bad {
				return nil, errDamaged
			}
		}
	}
	return out, nil
}

// WithFinding gives the numbers of the packets that have a finding of a kind, or
// of any kind when it is empty.
func (x *Index) WithFinding(kind packet.FindingKind) ([]uint32, error) {
	var out []uint32
	for _, b := range x.view() {
		if _, ok := b.Parts[colFinding]; !ok {
			continue
		}
		all, err := x.blockFindings(b)
		if err != nil {
			return nil, err
		}
		for i := range b.Count {
			if slices.ContainsFunc(all[i], func(f packet.Finding) bool { return kind == "" || f.Kind == kind }) {
				out = append(out, uint32(b.First+i+1))
			}
		}
	}
	return out, nil
}

// Times calls f with number, time and length of the packets, in order, of those
// that are listed; nil is all.
func (x *Index) Times(only []uint32, f func(number int, at time.Time, length int)) error {
	for _, b := range x.view() {
		if only != nil {
			if len(only) == 0 {
				return nil
			}
			if int(only[0]) > b.First+b.Count {
				continue
			}
		}
		at, err := x.numbers(b, colTime)
		if err != nil {
			return err
		}
		length, err := x.numbers(b, colLength)
		if err != nil {
			return err
		}
		if only == nil {
			for i := range at {
				f(b.First+i+1, time.Unix(0, int64(at[i])), int(length[i]))
			}
			continue
		}
		for len(only) > 0 && int(only[0]) <= b.First+b.Count {
			i := int(only[0]) - b.First - 1
			only = only[1:]
			f(b.First+i+1, time.Unix(0, int64(at[i])), int(length[i]))
		}
	}
	return nil
}

// Packet reads the bytes of one packet.
func (x *Index) Packet(number int) (*capture.Packet, error) {
	b, ok := blockOf(x.view(), number)
	if !ok {
		return nil, errNone
	}
	fr, err := x.frames(b)
	if err != nil {
		return nil, err
	}
	return x.packet(b, fr, number)
}

func (x *Index) packet(b block, fr *frames, number int) (*capture.Packet, error) {
	at, err := x.numbers(b, colTime)
	if err != nil {
		return nil, err
	}
	length, err := x.numbers(b, colLength)
	if err != nil {
		return nil, err
	}
	link, err := x.numbers(b, colLink)
	if err != nil {
		return nil, err
	}
	i := number - b.First - 1
	data, err := fr.of(i)
	if err != nil {
		return nil, err
	}
	return &capture.Packet{
		Number: number, Time: time.Unix(0, int64(at[i])).UTC(), Data: slices.Clone(data), Length: int(length[i]), At: int64(fr.at[i]),
		Link: capture.LinkType(uint32(link[i])), Interface: int(link[i] >> 32),
	}, nil
}

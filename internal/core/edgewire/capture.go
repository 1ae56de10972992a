package edgewire

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
)

// ToldCapture gives a Capture to an edge, ToldCaptureEnd the id of one to end. The edge
// asks AskCaptured with the packets, in parts one after the other, each with gzip. The
// answer errs.NotFound means that the capture is not wanted any more.
const (
	ToldCapture    = "told.capture"
	ToldCaptureEnd = "told.capture-end"
	AskCaptured    = "captured"
)

// Limits of captures on an edge.
const (
	// CapturedEvery is the longest time between two parts.
	CapturedEvery = time.Second
	// MaxCaptured is about the size of a part, before gzip.
	MaxCaptured = 1 << 20
	// MaxInterfaces is how many interfaces an edge names.
	MaxInterfaces = 200
)

// Capture is what an edge is to capture, see sniff.Options.
type Capture struct {
	ID          string        `json:"id"`
	Interface   string        `json:"interface"`
	Filter      string        `json:"filter,omitempty"`
	Promiscuous bool          `json:"promiscuous,omitempty"`
	HeadersOnly bool          `json:"headers_only,omitempty"`
	Packets     int64         `json:"packets"`
	Bytes       int64         `json:"bytes"`
	Duration    time.Duration `json:"duration_ns"`
	// Ring lets the oldest packets go where Bytes, or the memory of the edge, are full.
	Ring bool `json:"ring,omitempty"`
}

// Captured is a part. Seq rises from 1.
type Captured struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"`
	// Data is a file of pcapng; empty when no packet came.
	Data []byte `json:"data,omitempty"`
	// Packets passed the filter, Dropped of them are lost, since the capture began.
	Packets int64 `json:"packets"`
	Dropped int64 `json:"dropped"`
	// End says that this was all, Why why it ended, and Failed that it is no end that
	// was wanted; for people.
	End    bool   `json:"end,omitempty"`
	Why    string `json:"why,omitempty"`
	Failed bool   `json:"failed,omitempty"`
}

// Sniffer is what an edge can capture.
type Sniffer struct {
	Interfaces []sniff.Interface `json:"interfaces,omitempty"`
	// Problem says why it cannot; empty when it can.
	Problem string `json:"problem,omitempty"`
}

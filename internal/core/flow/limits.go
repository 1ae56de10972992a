package flow

import "time"

// Limits bound what a Decoder keeps. Zero values mean the defaults.
type Limits struct {
	Sources        int           // exporters by version and domain; 10,000
	Templates      int           // templates of one source; 2,000
	Fields         int           // fields of one template; 1,000
	AllFields      int           // fields of all templates together; 4,000,000
	Samplers       int           // sampling rates of one source; 1,000
	WaitingBytes   int           // data that waits for templates, all together; 16 MiB
	WaitingSets    int           // sets that wait in one source; 64
	WaitingTime    time.Duration // how long data waits; 30 min
	DatagramBytes  int           // the longest datagram that is read; 65,535
	RecordsPerData int           // records of one datagram; 20,000
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Sources, 10_000)
	def(&l.Templates, 2_000)
	def(&l.Fields, 1_000)
	def(&l.AllFields, 4_000_000)
	def(&l.Samplers, 1_000)
	def(&l.WaitingBytes, 16<<20)
	def(&l.WaitingSets, 64)
	def(&l.DatagramBytes, 65_535)
	def(&l.RecordsPerData, 20_000)
	if l.WaitingTime <= 0 {
		l.WaitingTime = 30 * time.Minute
	}
	return l
}

// Stats counts what a Decoder met since it was made. The counters only grow,
// but for Sources, Templates, Waiting and WaitingBytes, which say what is kept now.
type Stats struct {
	Datagrams   uint64 `json:"datagrams"`
	Records     uint64 `json:"records"`
	Bad         uint64 `json:"bad"`           // datagrams that could not be read to the end
	NoTemplate  uint64 `json:"no_template"`   // sets that came before their template
	Recovered   uint64 `json:"recovered"`     // of these, sets that were read later
	Dropped     uint64 `json:"dropped"`       // of these, sets that were given up
	Lost        uint64 `json:"lost"`          // datagrams or records that the sequence numbers say are missing
	Restarts    uint64 `json:"restarts"`      // exporters that started again
	Changed     uint64 `json:"changed"`       // templates that came again with other fields
	Refused     uint64 `json:"refused"`       // templates and sources beyond the limits
	Sources     int    `json:"sources"`       // kept now
	Templates   int    `json:"templates"`     // kept now
	Waiting     int    `json:"waiting"`       // sets that wait now
	WaitingByte int    `json:"waiting_bytes"` // their bytes
}

package logdb

import (
	"fmt"
	"sync"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Receipt says what became of a batch.
type Receipt struct {
	// Taken rows are stored. Dropped rows never will be; sending them again does not
	// help.
	Taken, Dropped int
	// Why is a sentence about the first row that was dropped.
	Why string
}

// batches of this size go to the journal and to the engine in one piece.
const batchBytes = 4 << 20

// Write stores rows. When it returns nil, those taken survive a kill and a loss of
// power. The error is errs.Unavailable when nothing can be written; some of the rows
// may be stored then, and the caller may repeat the batch. The slices may be used
// again after it returns.
func (s *Store) Write(rows []Row) (Receipt, error) {
	var rec Receipt
	release, err := s.open()
	if err != nil {
		return rec, err
	}
	defer release()
	if err := s.full(); err != nil {
		return rec, err
	}
	b := getBatch()
	defer putBatch(b)
	now := s.o.Clock.Now()
	oldest, newest := now.Add(-s.o.Retention), now.Add(s.o.Future)
	var last []Field
	lastKey := "\x00" // no stream has it
	for i := range rows {
		if why := rows[i].check(oldest, newest); why != "" {
			if rec.Dropped++; rec.Why == "" {
				rec.Why = why
			}
			continue
		}
		b.rows = append(b.rows, s.names.tidy(now, rows[i], &last, &lastKey))
		if b.payload = appendRow(b.payload, &b.rows[len(b.rows)-1]); len(b.payload) >= batchBytes {
			if err := s.commit(b); err != nil {
				return rec, err
			}
			rec.Taken += len(b.rows)
			b.reset()
		}
	}
	if len(b.rows) > 0 {
		if err := s.commit(b); err != nil {
			return rec, err
		}
		rec.Taken += len(b.rows)
	}
	s.dropped.Add(uint64(rec.Dropped))
	return rec, nil
}

type batch struct {
	rows    []Row
	payload []byte
}

func (b *batch) reset() {
	clear(b.rows)
	b.rows, b.payload = b.rows[:0], b.payload[:0]
}

var batchPool = sync.Pool{New: func() any { return new(batch) }}

func getBatch() *batch  { return batchPool.Get().(*batch) }
func putBatch(b *batch) { b.reset(); batchPool.Put(b) }

// commit puts one batch into the journal and into the engine.
func (s *Store) commit(b *batch) error {
	s.writing.RLock()
	defer s.writing.RUnlock()
	if err := s.journal.append(b.payload); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The journal of the %s cannot be written.", s.o.Name)
	}
	// Before the engine has them: a tail must know a row when it finds it.
	s.tails.expect(b.rows)
	return s.add(func(give func(*Row)) {
		for i := range b.rows {
			give(&b.rows[i])
		}
	})
}

// add puts rows into the engine.
func (s *Store) add(each func(give func(*Row))) (err error) {
	defer caught(&err, fmt.Sprintf("The files of the %s cannot be written.", s.o.Name))
	lr := logstorage.GetLogRows(nil, nil, nil, nil, "")
	defer logstorage.PutLogRows(lr)
	var fields, stream []logstorage.Field
	each(func(r *Row) {
		fields, stream = fields[:0], stream[:0]
		for i := range r.Stream {
			stream = append(stream, logstorage.Field{Name: r.Stream[i].Name, Value: r.Stream[i].Value})
		}
		fields = append(fields, stream...)
		for i := range r.Fields {
			if r.Fields[i].Value != "" {
				fields = append(fields, logstorage.Field{Name: r.Fields[i].Name, Value: r.Fields[i].Value})
			}
		}
		if stream == nil {
			stream = []logstorage.Field{} // nil would mean the settings of lr
		}
		lr.MustAdd(logstorage.TenantID{}, r.At.UnixNano(), fields, stream)
		if lr.NeedFlush() {
			s.engine.MustAddRows(lr)
			lr.ResetKeepSettings()
		}
	})
	if lr.RowsCount() > 0 {
		s.engine.MustAddRows(lr)
	}
	return nil
}

// Stats are figures of a store.
type Stats struct {
	// Rows that queries can find.
	Rows uint64
	// Bytes of the files, and RawBytes of the rows in them before they were packed.
	Bytes, RawBytes uint64
	// Days are the partitions.
	Days int
	// Streams that were made since the days were begun; a stream counts in each day.
	Streams uint64
	// Oldest and Newest row; zero when there is none.
	Oldest, Newest time.Time
	// JournalBytes wait in the journal.
	JournalBytes int64
	// FreeBytes on the disk.
	FreeBytes int64
	// Dropped rows since the store was opened.
	Dropped uint64
	// Full tells that nothing is stored because the disk is full.
	Full bool
}

// Stats gives the present figures.
func (s *Store) Stats() (Stats, error) {
	release, err := s.open()
	if err != nil {
		return Stats{}, err
	}
	defer release()
	e := s.engineStats()
	free, err := s.freeBytes()
	if err != nil {
		return Stats{}, err
	}
	out := Stats{
		Rows:         e.RowsCount() + e.PendingRows,
		Bytes:        e.IndexdbSizeBytes + e.CompressedSmallPartSize + e.CompressedBigPartSize,
		RawBytes:     e.UncompressedSmallPartSize + e.UncompressedBigPartSize,
		Days:         int(e.PartitionsCount),
		Streams:      e.StreamsCreatedTotal,
		JournalBytes: s.journal.bytes(),
		FreeBytes:    free,
		Dropped:      s.dropped.Load(),
		Full:         free < s.o.MinFree,
	}
	if e.PartitionsCount > 0 && e.RowsCount() > 0 {
		out.Oldest, out.Newest = time.Unix(0, e.MinTimestamp).UTC(), time.Unix(0, e.MaxTimestamp).UTC()
	}
	return out, nil
}

func (s *Store) engineStats() *logstorage.StorageStats {
	var st logstorage.StorageStats
	s.engine.UpdateStats(&st)
	return &st
}

package logdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// replay puts what is only in the journal into the engine. The parts stay until the
// engine has the rows in files.
func (s *Store) replay(ctx context.Context) error {
	now := s.o.Clock.Now()
	oldest := now.Add(-s.o.Retention)
	back, known := 0, 0
	var rows []Row
	put := func() error {
		stored, err := s.storedOf(ctx, rows)
		if err != nil {
			return err
		}
		missing := rows[:0]
		for i := range rows {
			h := s.tails.hash.row(&rows[i])
			switch {
			case rows[i].At.Before(oldest):
			case stored[h] > 0:
				stored[h]--
				known++
			default:
				missing = append(missing, rows[i])
			}
		}
		back += len(missing)
		err = s.add(func(give func(*Row)) {
			for i := range missing {
				give(&missing[i])
			}
		})
		rows = rows[:0]
		return err
	}
	for _, name := range s.journal.parts() {
		damaged, err := s.journal.read(name, func(payload string) error {
			var err error
			if rows, err = appendRows(rows, payload); err != nil || len(rows) < replayRows {
				return err
			}
			return put()
		})
		if err != nil {
			return err
		}
		if damaged {
			s.o.Logger.Warn("part of the journal ends in the middle of a batch", "store", s.o.Name, "part", name)
		}
	}
	if err := put(); err != nil {
		return err
	}
	if back+known > 0 {
		s.o.Logger.Info("journal was read", "store", s.o.Name, "rows_brought_back", back, "rows_already_stored", known)
	}
	end := time.Now()
	for i := range s.journal.old {
		s.journal.old[i].ended = end
	}
	return nil
}

// replayRows is how many rows are compared with the engine at one time.
const replayRows = 100_000

func appendRows(rows []Row, payload string) ([]Row, error) {
	for payload != "" {
		r, rest, err := readRow(payload)
		if err != nil {
			return nil, err
		}
		rows, payload = append(rows, r), rest
	}
	return rows, nil
}

// storedOf counts which rows of a batch the engine has, by their number. It asks for
// each stream by its fields: when the crash took the entry of the stream from the
// index, its rows are stored again, with a new entry.
func (s *Store) storedOf(ctx context.Context, batch []Row) (map[uint64]int, error) {
	type span struct {
		stream   []Field
		from, to time.Time
	}
	streams := map[string]*span{}
	for i := range batch {
		r := &batch[i]
		key := streamKey(r.Stream)
		sp := streams[key]
		if sp == nil {
			sp = &span{stream: r.Stream, from: r.At, to: r.At}
			streams[key] = sp
		}
		if r.At.Before(sp.from) {
			sp.from = r.At
		}
		if r.At.After(sp.to) {
			sp.to = r.At
		}
	}
	s.engine.DebugFlush()
	stored := map[uint64]int{}
	wanted := map[uint64]bool{}
	for i := range batch {
		wanted[s.tails.hash.row(&batch[i])] = true
	}
	for _, sp := range streams {
		err := s.scan(ctx, streamFilter(sp.stream), sp.from, sp.to.Add(1), func(at time.Time, fields []Field) {
			if h := s.tails.hash.found(at, fields); wanted[h] {
				stored[h]++
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// streamFilter is the filter of LogsQL for one stream.
func streamFilter(stream []Field) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range stream {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%s", strconv.Quote(f.Name), strconv.Quote(f.Value))
	}
	b.WriteByte('}')
	return b.String()
}

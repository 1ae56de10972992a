package logdb

import (
	"container/heap"
	"slices"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"
)

// byTime gives the newest (or oldest) rows. It searches one window of time after the
// other, beginning at that end of the range, each wider than the one before, and
// stops when it has enough: the last lines of a large store cost as little as those
// of a small one.
func (r *running) byTime(limit int, oldest bool, row func([]Field) error) (Info, error) {
	var info Info
	var bytes int64
	width := int64(time.Second)
	from, to := r.from, r.to
	for from <= to {
		lo, hi := from, to
		if to-from > width {
			if oldest {
				hi = from + width
			} else {
				lo = to - width
			}
		}
		// One row more than is wanted tells whether there are more.
		found := &newest{limit: limit - info.Rows + 1, oldest: oldest, room: r.s.o.MaxBytesOfQuery - bytes}
		if err := r.do(r.q.CloneWithTimeFilter(r.q.GetTimestamp(), lo, hi), found.take); err != nil {
			return info, err
		}
		if found.tooLarge {
			return info, r.tooLarge()
		}
		bytes += found.bytes
		for _, f := range found.inOrder() {
			if info.Rows == limit {
				info.More = true
				return info, nil
			}
			if err := row(f.fields); err != nil {
				return info, err
			}
			info.Rows++
		}
		if oldest {
			from = hi + 1
		} else {
			to = lo - 1
		}
		width *= 4
		if len(found.rows) > 0 {
			// Some were found: widen gently, so that a dense range is not read in one piece.
			width /= 2
		}
	}
	return info, nil
}

// newest keeps the newest rows that it was given, or the oldest. It is a heap with
// the row to be given up first on top.
type newest struct {
	limit    int
	oldest   bool
	room     int64
	rows     []timedRow
	bytes    int64
	tooLarge bool
	times    []int64
}

type timedRow struct {
	at     int64
	size   int64
	fields []Field
}

func (n *newest) Len() int { return len(n.rows) }

func (n *newest) Less(i, j int) bool {
	if n.oldest {
		return n.rows[i].at > n.rows[j].at
	}
	return n.rows[i].at < n.rows[j].at
}

func (n *newest) Swap(i, j int) { n.rows[i], n.rows[j] = n.rows[j], n.rows[i] }

func (n *newest) Push(x any) { n.rows = append(n.rows, x.(timedRow)) }

func (n *newest) Pop() any {
	last := len(n.rows) - 1
	x := n.rows[last]
	n.rows = n.rows[:last]
	return x
}

func (n *newest) take(db *logstorage.DataBlock) {
	var ok bool
	if n.times, ok = db.GetTimestamps(n.times[:0]); !ok {
		// A pipe put something else into _time; such rows have no place in an order.
		n.times = append(n.times[:0], make([]int64, db.RowsCount())...)
	}
	for i, at := range n.times {
		if len(n.rows) >= n.limit {
			top := n.rows[0].at
			if n.oldest && at >= top || !n.oldest && at <= top {
				continue
			}
			n.bytes -= heap.Pop(n).(timedRow).size
		}
		var size int64
		fields := appendFields(nil, db, i, &size)
		if n.bytes += size; n.bytes > n.room {
			n.tooLarge = true
			return
		}
		heap.Push(n, timedRow{at: at, size: size, fields: fields})
	}
}

func (n *newest) inOrder() []timedRow {
	slices.SortStableFunc(n.rows, func(a, b timedRow) int {
		switch {
		case a.at == b.at:
			return 0
		case (a.at < b.at) == n.oldest:
			return -1
		}
		return 1
	})
	return n.rows
}

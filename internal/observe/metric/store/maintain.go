package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const maintainEvery = time.Minute

// run does the background work until Close.
func (s *Store) run() {
	defer close(s.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.closing
		cancel()
	}()
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.maintain(ctx)
		}
	}
}

// maintain writes full chunks to disk, makes blocks of old data and deletes
// blocks that are beyond the retention.
func (s *Store) maintain(ctx context.Context) {
	err := s.disk.refresh(s.opts.Clock.Now())
	s.setHealth(&s.diskErr, err)
	if err != nil {
		return // Compaction needs room too.
	}
	err = s.compact(ctx)
	if ctx.Err() != nil {
		return // A compaction ended by Close is no failure.
	}
	s.setHealth(&s.maintainErr, err)
}

func (s *Store) compact(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errs.New(errs.Unavailable, "The metric store in %s cannot be maintained: %v.", s.opts.Dir, p)
		}
	}()
	s.db.ForceHeadMMap()
	if err := s.db.Compact(ctx); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The metric store in %s cannot compact its data.", s.opts.Dir)
	}
	return nil
}

// diskGuard refuses writes while the disk is nearly full, so that the database
// never meets the end of the disk in the middle of a write.
type diskGuard struct {
	dir string
	min uint64

	mu   sync.Mutex
	next time.Time
	err  error
}

// diskCheckEvery bounds the cost of asking the file system.
const diskCheckEvery = 2 * time.Second

func (g *diskGuard) check(now time.Time) error {
	g.mu.Lock()
	fresh := now.Before(g.next)
	err := g.err
	g.mu.Unlock()
	if fresh {
		return err
	}
	return g.refresh(now)
}

func (g *diskGuard) refresh(now time.Time) error {
	var err error
	if u, statErr := disk.Usage(g.dir); statErr != nil {
		err = errs.Wrap(errs.Unavailable, statErr, "The disk of the metric store in %s does not answer.", g.dir)
	} else if u.Free < g.min {
		err = errs.New(errs.Unavailable, "The disk of the metric store in %s is full: %s are free, %s are needed. No samples are written.", g.dir, mib(u.Free), mib(g.min))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err, g.next = err, now.Add(diskCheckEvery)
	return err
}

func mib(n uint64) string { return fmt.Sprintf("%d MiB", n>>20) }

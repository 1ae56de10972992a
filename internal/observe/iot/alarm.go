package iot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/detect"
)

const (
	// defaultBattery is the charge in percent below which a battery is low; it must rise
	// by batteryBack above it to be well again.
	defaultBattery, batteryBack = 15, 5
	// learnAfter messages the usual interval is believed. A device is silent after
	// silentTimes of it, and not before silentLeast.
	learnAfter  = 5
	silentTimes = 3
	silentLeast = 2 * time.Minute
	// unlearned is when a device is silent of which the interval is not known.
	unlearned = 25 * time.Hour
	// offlineGrace is how long a device may be offline before somebody hears of it.
	offlineGrace = 30 * time.Second

	watchEvery = 5 * time.Second
	flushEvery = 6 // of watchEvery
)

// every is the interval in which the device is expected to say something; 0 is not
// known.
func (d *device) every() time.Duration {
	switch {
	case d.ExpectS > 0:
		return time.Duration(d.ExpectS) * time.Second
	case d.Heard >= learnAfter && d.EveryMS > 0:
		return time.Duration(d.EveryMS) * time.Millisecond
	}
	return 0
}

// patience is how long it may be silent.
func (d *device) patience() time.Duration {
	e := d.every()
	switch {
	case e == 0:
		return unlearned
	case d.ExpectS > 0:
		return silentTimes * e
	}
	return max(silentTimes*e, silentLeast)
}

// state is one of online, offline, silent.
func (d *device) state(now, started time.Time) string {
	last := d.LastSeen
	if started.After(last) {
		last = started // nothing could be heard before
	}
	switch {
	case d.Online == offline:
		return offline
	case now.Sub(last) > d.patience():
		return "silent"
	}
	return online
}

// battery is the lowest charge that the device tells, in percent.
func (d *device) battery() (float64, bool) {
	low, found := 0.0, false
	for _, f := range d.figures {
		if f.Metric == "iot_battery_percent" && (!found || f.Value < low) {
			low, found = f.Value, true
		}
	}
	return low, found
}

// alarms are what is wrong with a device, by word, with title and reason. d.mu is held.
func (d *device) alarms(now, started time.Time) map[string][2]string {
	out := map[string][2]string{}
	name := d.item
	switch d.state(now, started) {
	case offline:
		if now.Sub(d.LastSeen) > offlineGrace || strings.Contains(d.Raised, "away") {
			out["away"] = [2]string{name + " is offline", fmt.Sprintf("The device, or its bridge, said that it is offline. It was heard last at %s.", d.LastSeen.Format(time.RFC3339))}
		}
	case "silent":
		e := "at least once a day"
		if d.every() > 0 {
			e = "every " + d.every().Round(time.Second).String()
		}
		out["away"] = [2]string{name + " is silent", fmt.Sprintf("It usually says something %s, and was heard last at %s.", e, d.LastSeen.Format(time.RFC3339))}
	}
	if n, ok := d.battery(); ok && d.BatteryLow > 0 {
		low := float64(d.BatteryLow)
		if n < low || strings.Contains(d.Raised, "battery") && n < low+batteryBack {
			out["battery"] = [2]string{"The battery of " + name + " is low", fmt.Sprintf("It has %.0f %% left; the limit is %d %%.", n, d.BatteryLow)}
		}
	}
	return out
}

func fingerprint(deviceID, what string) string {
	sum := sha256.Sum256([]byte("iot\x00" + deviceID + "\x00" + what))
	return hex.EncodeToString(sum[:])
}

// watchLoop raises and clears alarms, ends commands that nobody answered, and stores
// what is known.
func (s *Service) watchLoop() {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		if err := s.watch(s.ctx); err != nil && s.ctx.Err() == nil {
			s.d.Logger.Error("alarms of devices were not judged", "error", err)
		}
		if err := s.expire(s.ctx); err != nil && s.ctx.Err() == nil {
			s.d.Logger.Error("commands to devices were not ended", "error", err)
		}
		if n%flushEvery == 0 {
			if err := s.flush(s.ctx); err != nil && s.ctx.Err() == nil {
				s.d.Logger.Error("what is known of devices was not stored", "error", err)
			}
		}
	}
}

type alarmChange struct {
	d      deviceRow
	what   string
	text   [2]string
	raised bool
}

// watch judges all devices once.
func (s *Service) watch(ctx context.Context) error {
	now := s.now()
	var changes []alarmChange
	for _, d := range s.all() {
		d.mu.Lock()
		if d.ItemID != "" {
			is := d.alarms(now, s.started)
			for _, what := range []string{"away", "battery"} {
				text, bad := is[what]
				if was := strings.Contains(d.Raised, what); bad != was {
					changes = append(changes, alarmChange{d: d.deviceRow, what: what, text: text, raised: bad})
				}
			}
		}
		d.mu.Unlock()
	}
	for _, c := range changes {
		if err := s.tell(ctx, c, now); err != nil {
			return err
		}
	}
	return nil
}

// tell makes one alarm known. What is raised is stored in the same transaction, so that
// it is told once, also over a crash.
func (s *Service) tell(ctx context.Context, c alarmChange, now time.Time) error {
	words := map[string]bool{}
	if d := s.device(c.d.ID); d != nil {
		d.mu.Lock()
		c.d = d.row()
		d.mu.Unlock()
	}
	for _, w := range strings.Fields(c.d.Raised) {
		words[w] = true
	}
	words[c.what] = c.raised
	raised := ""
	for _, w := range []string{"away", "battery"} {
		if words[w] {
			raised = strings.TrimSpace(raised + " " + w)
		}
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		d := s.device(c.d.ID)
		if d == nil {
			return nil
		}
		row := c.d
		row.Raised = raised
		if _, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").Set("raised = EXCLUDED.raised").Exec(ctx); err != nil {
			return err
		}
		if !c.raised {
			why := "It was heard again."
			if c.what == "battery" {
				why = "The battery is charged, or was replaced."
			}
			return s.d.Events.Append(ctx, tx, detect.SignalCleared{Fingerprint: fingerprint(c.d.ID, c.what), Rule: "iot " + c.what, At: now.UTC(), Reason: why})
		}
		since := now.UTC()
		if c.what == "away" {
			since = c.d.LastSeen.UTC()
		}
		return s.d.Events.Append(ctx, tx, detect.SignalRaised{
			Fingerprint: fingerprint(c.d.ID, c.what), Rule: "iot " + c.what, Severity: "warning", Title: c.text[0], Output: c.text[1], ItemID: c.d.ItemID, TeamID: c.d.TeamID,
			Labels: map[string]string{"device": c.d.Name, "client": c.d.Client}, StartedAt: since, DetectedAt: now.UTC(),
		})
	})
	if err != nil {
		return err
	}
	if d := s.device(c.d.ID); d != nil {
		d.mu.Lock()
		d.Raised = raised
		d.mu.Unlock()
		s.changed("device", c.d.ID)
	}
	return nil
}

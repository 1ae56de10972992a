package promapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// The times a client may name, in seconds since 1970: milliseconds stay exact in
// a 64-bit float.
const maxSeconds = 1 << 43

var (
	earliest = time.Unix(-maxSeconds, 0).UTC()
	latest   = time.Unix(maxSeconds, 0).UTC()
)

// Go prints these for the boundaries that Prometheus clients send as "no limit".
const (
	clientMinTime = "-292273086-05-16T16:47:06Z"
	clientMaxTime = "292277025-08-18T07:12:54.999999999Z"
)

func badData(param string, err error) error {
	return &store.QueryError{Kind: store.BadData, Param: param, Err: err}
}

func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	s := r.FormValue(name)
	if s == "" {
		return otherwise, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return t, badData(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// parseTime reads seconds since 1970 with a fraction, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	bad := fmt.Errorf("cannot parse %q to a valid timestamp", s)
	switch s {
	case clientMinTime:
		return earliest, nil
	case clientMaxTime:
		return latest, nil
	}
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(v) || math.Abs(v) > maxSeconds {
			return time.Time{}, bad
		}
		return time.UnixMilli(int64(math.Round(v * 1000))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	return time.Time{}, bad
}

// parseDuration reads seconds with a fraction, or a Prometheus duration such as 1h30m.
func parseDuration(s string) (time.Duration, error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		ns := v * float64(time.Second)
		if math.IsNaN(ns) || ns >= math.MaxInt64 || ns <= math.MinInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

func limitParam(r *http.Request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		return 0, badData("limit", err)
	}
	return min(n, math.MaxInt32), nil
}

// numberParam reads a limit of the metadata endpoint, where -1 means none.
func numberParam(r *http.Request, name string) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, badData("", fmt.Errorf("%s must be a number", name))
	}
	return n, nil
}

func selection(r *http.Request) (store.Selection, error) {
	sel := store.Selection{Matchers: r.Form["match[]"]}
	var err error
	if sel.Limit, err = limitParam(r); err != nil {
		return sel, err
	}
	if sel.Start, err = timeParam(r, "start", earliest); err != nil {
		return sel, err
	}
	sel.End, err = timeParam(r, "end", latest)
	return sel, err
}

package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/mainstay-ops/mainstay/internal/detect/rule"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// RuleTrial is what one rule of a file would have done.
type RuleTrial = rule.FileTrial

// TryRules tries the rules of a file on the metrics in a data directory, without a
// server. The file is one of Prometheus, or an ops.yaml with rules.
func TryRules(ctx context.Context, dataDir, file string, text []byte, from, to time.Time) (_ []RuleTrial, err error) {
	rules, err := rule.ParseFile(file, text)
	if err != nil {
		return nil, err
	}
	m, err := store.OpenReadOnly(store.Options{Dir: filepath.Join(dataDir, "metrics")})
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := m.Close(); err == nil {
			err = cerr
		}
	}()
	return rule.TryFile(ctx, m, rules, from, to)
}

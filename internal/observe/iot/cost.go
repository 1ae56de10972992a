package iot

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Price is what a kilowatt-hour costs from a moment on.
type Price struct {
	Since    time.Time `json:"since"`
	Price    float64   `json:"price" minimum:"0" maximum:"1000000" doc:"For one kilowatt-hour."`
	Currency string    `json:"currency" minLength:"1" maxLength:"8" doc:"Such as EUR."`
}

func prices(ctx context.Context, q bun.IDB) ([]Price, error) {
	var ps []Price
	err := q.NewRaw("SELECT since, price, currency FROM iot_prices ORDER BY since").Scan(ctx, &ps)
	for i := range ps {
		ps[i].Since = ps[i].Since.UTC()
	}
	if ps == nil {
		ps = []Price{}
	}
	return ps, err
}

// setPrices replaces all prices.
func (s *Service) setPrices(ctx context.Context, ps []Price) error {
	slices.SortFunc(ps, func(a, b Price) int { return a.Since.Compare(b.Since) })
	for i, p := range ps {
		if i > 0 && p.Since.Equal(ps[i-1].Since) {
			return errs.Fields(errs.Field{Path: "prices", Value: p.Since.Format(time.RFC3339), Message: "begin at the same moment twice"})
		}
		if p.Currency != ps[0].Currency {
			return errs.Fields(errs.Field{Path: "prices", Value: p.Currency, Message: "must all have one currency"})
		}
	}
	if len(ps) > 500 {
		return errs.Fields(errs.Field{Path: "prices", Message: "may be 500 at most"})
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := prices(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM iot_prices").Exec(ctx); err != nil {
			return err
		}
		for _, p := range ps {
			if _, err := tx.NewRaw("INSERT INTO iot_prices (since, price, currency) VALUES (?, ?, ?)", p.Since.UTC(), p.Price, strings.TrimSpace(p.Currency)).Exec(ctx); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot.prices", Ref: entity.Ref{Kind: "iot", ID: "prices"}, Name: "Price of energy", Before: was, After: ps})
	})
}

// span is a part of a period with one price; priced is false before the first price.
type span struct {
	from, to time.Time
	price    float64
	priced   bool
}

// spans cuts a period where the price changes.
func spans(ps []Price, from, to time.Time) []span {
	out := []span{}
	at := span{from: from}
	for _, p := range ps {
		switch {
		case !p.Since.After(from):
			at.price, at.priced = p.Price, true
		case p.Since.Before(to):
			at.to = p.Since
			out = append(out, at)
			at = span{from: p.Since, price: p.Price, priced: true}
		}
	}
	at.to = to
	return append(out, at)
}

// bill adds energy and cost: the sum over the parts of the period of what the meters
// counted (PromQL increase, which sees a meter that was set back) times the price.
func (s *Service) bill(ctx context.Context, v *FloorView, meters map[string]int) error {
	ps, err := prices(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	parts := spans(ps, v.From, v.To)
	words := []string{}
	priced := true
	for _, p := range parts {
		priced = priced && p.priced
		if p.priced {
			words = append(words, fmt.Sprintf("energy from %s to %s × %g %s/kWh", p.from.Format("2006-01-02 15:04"), p.to.Format("2006-01-02 15:04"), p.price, ps[0].Currency))
		}
	}
	v.Formula = "cost = " + strings.Join(words, " + ")
	switch {
	case len(ps) == 0:
		v.Formula = "No price of energy is set, so no cost is shown."
	case !priced:
		v.Formula = "There is no price for the whole period, so no cost is shown."
	default:
		v.Currency = ps[0].Currency
	}
	if len(meters) == 0 {
		return nil
	}
	names := make([]string, 0, len(meters))
	for item := range meters {
		names = append(names, regexp.QuoteMeta(item))
	}
	slices.Sort(names)
	sel := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Join(names, "|"))
	for _, p := range parts {
		seconds := int64(p.to.Sub(p.from).Seconds())
		if seconds < 1 {
			continue
		}
		got, err := s.metrics.Instant(ctx, fmt.Sprintf(`sum by (item) (increase(iot_energy_kilowatt_hours{item=~"%s"}[%ds]))`, sel, seconds), p.to)
		if err != nil {
			return err
		}
		for _, series := range got {
			i, ok := meters[series.Labels["item"]]
			if !ok || len(series.Points) == 0 {
				continue
			}
			room, kwh := &v.Rooms[i], series.Points[len(series.Points)-1].Value
			room.Energy = sum(room.Energy, kwh)
			if priced && len(ps) > 0 {
				room.Cost = sum(room.Cost, kwh*p.price)
			}
		}
	}
	return nil
}

func sum(p *float64, n float64) *float64 {
	if p != nil {
		n += *p
	}
	return &n
}

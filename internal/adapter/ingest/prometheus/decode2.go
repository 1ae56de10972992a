package prometheus

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

var (
	errSymbol  = errors.New("a label refers to a symbol that is not there")
	errSymbols = fmt.Errorf("it has more than %d symbols", maxSymbols)
)

// decode2 reads io.prometheus.write.v2.Request (remote write 2.0). Symbols stand
// before the series, but need not: they are read first.
func (b *batch) decode2(body []byte) error {
	err := fields(body, func(n protowire.Number, t protowire.Type, v []byte, _ uint64) error {
		if n == 4 && t == protowire.BytesType {
			if len(b.symbols) >= maxSymbols {
				return errSymbols
			}
			b.symbols = append(b.symbols, view(v))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fields(body, func(n protowire.Number, t protowire.Type, v []byte, _ uint64) error {
		if n == 5 && t == protowire.BytesType {
			return b.series2(v)
		}
		return nil
	})
}

func (b *batch) symbol(x uint64) (string, error) {
	if x >= uint64(len(b.symbols)) {
		return "", errSymbol
	}
	return b.symbols[x], nil
}

// series2 reads a TimeSeries {labels_refs = 1, samples = 2, histograms = 3,
// exemplars = 4, metadata = 5}.
func (b *batch) series2(m []byte) error {
	first, start := len(b.samples), len(b.fields)
	b.refs = b.refs[:0]
	var meta []byte
	err := fields(m, func(n protowire.Number, t protowire.Type, v []byte, x uint64) error {
		switch {
		case n == 1 && t == protowire.VarintType:
			b.refs = append(b.refs, uint32(x))
		case n == 1 && t == protowire.BytesType:
			for len(v) > 0 {
				x, l := protowire.ConsumeVarint(v)
				if l < 0 {
					return errBroken
				}
				b.refs, v = append(b.refs, uint32(x)), v[l:]
			}
		case n == 2 && t == protowire.BytesType:
			return b.sample(v)
		case n == 3:
			b.histograms++
		case n == 4:
			b.exemplars++
		case n == 5:
			meta = v
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(b.refs)%2 != 0 {
		return errSymbol
	}
	var name, instance, host string
	for i := 0; i < len(b.refs); i += 2 {
		k, err := b.symbol(uint64(b.refs[i]))
		if err != nil {
			return err
		}
		v, err := b.symbol(uint64(b.refs[i+1]))
		if err != nil {
			return err
		}
		switch k {
		case "__name__":
			name = v
			continue
		case "instance":
			instance = v
		case "host":
			host = v
		}
		b.fields = append(b.fields, signal.Field{Name: k, Value: v})
	}
	b.finish(first, start, name, instance, host)
	return b.meta2(name, meta)
}

// meta2 reads a Metadata {type = 1, help_ref = 3, unit_ref = 4}.
func (b *batch) meta2(name string, m []byte) error {
	if len(m) == 0 || name == "" {
		return nil
	}
	if _, known := b.meta[name]; known {
		return nil
	}
	var out signal.Meta
	err := fields(m, func(n protowire.Number, _ protowire.Type, _ []byte, x uint64) (err error) {
		switch n {
		case 1:
			out.Type = kind(x)
		case 3:
			out.Help, err = b.symbol(x)
		case 4:
			out.Unit, err = b.symbol(x)
		}
		return err
	})
	if err == nil {
		if b.meta == nil {
			b.meta = map[string]signal.Meta{}
		}
		b.meta[name] = out
	}
	return err
}

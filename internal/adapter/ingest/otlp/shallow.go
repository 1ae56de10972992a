package otlp

import (
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth is how deep values may be nested in each other. The readers work by
// recursion, and a stack that overflows would end the program.
const maxDepth = 64

var (
	errDeep   = errors.New("values are nested too deeply in each other")
	errBroken = errors.New("the message breaks off or is not a protobuf message")
)

// shallowJSON refuses JSON that is nested too deeply.
func shallowJSON(b []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			if depth++; depth > 4*maxDepth {
				return errDeep
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return nil
}

// shape says which fields of a message lead to values, which alone can be nested
// without end.
type shape map[protowire.Number]shape

// shapes are those of the three requests, by path, after opentelemetry-proto 1.x.
func shapes() map[string]shape {
	value, pair := shape{}, shape{}
	pair[2] = value
	value[5] = shape{1: value}
	value[6] = shape{1: pair}
	pairs := func(n protowire.Number) shape { return shape{n: pair} }
	resource, scope := pairs(1), pairs(3)
	request := func(record shape) shape { return shape{1: {1: resource, 2: {1: scope, 2: record}}} }
	exemplar := pairs(7)
	points := func(p shape) shape { return shape{1: p} }
	number := points(shape{7: pair, 5: exemplar})
	return map[string]shape{
		logsPath:   request(shape{5: value, 6: pair}),
		tracesPath: request(shape{9: pair, 11: pairs(3), 13: pairs(4)}),
		metricsPath: request(shape{
			5: number, 7: number, 9: points(shape{9: pair, 8: exemplar}),
			10: points(shape{1: pair, 11: exemplar}), 11: points(pairs(7)), 12: pair,
		}),
	}
}

var requestShapes = shapes()

// shallowProto refuses a request whose values are nested too deeply.
func shallowProto(b []byte, path string) error { return walk(b, requestShapes[path], 0) }

func walk(b []byte, s shape, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return errBroken
		}
		b = b[l:]
		if t != protowire.BytesType {
			if l = protowire.ConsumeFieldValue(n, t, b); l < 0 {
				return errBroken
			}
			b = b[l:]
			continue
		}
		v, l := protowire.ConsumeBytes(b)
		if l < 0 {
			return errBroken
		}
		b = b[l:]
		if inner := s[n]; inner != nil {
			if err := walk(v, inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

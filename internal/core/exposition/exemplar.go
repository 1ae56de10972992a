package exposition

import (
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/textparse"
)

func exemplars(p textparse.Parser) int {
	n := 0
	for e := (exemplar.Exemplar{}); n < 100 && p.Exemplar(&e); e = (exemplar.Exemplar{}) {
		n++
	}
	return n
}

package asset

import (
	"fmt"
	"strings"

	"rsc.io/qr"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Label is what is printed on a sticker.
type Label struct {
	Tag   string `json:"tag"`
	Title string `json:"title"`
	URL   string `json:"url" doc:"What the code says: the page of the asset."`
	Size  int    `json:"size" doc:"Modules on a side of the code, with the quiet zone."`
	Path  string `json:"path" doc:"The dark modules as the path of an SVG of that size."`
}

// quiet is the empty border around a code in modules (ISO/IEC 18004).
const quiet = 4

// label makes the code of an asset. The level of correction is M: a scratched
// sticker with 15 % damage can still be read.
func label(base, tag, title string) (Label, error) {
	l := Label{Tag: tag, Title: title, URL: strings.TrimSuffix(base, "/") + assetURL(tag)}
	c, err := qr.Encode(l.URL, qr.M)
	if err != nil {
		return l, errs.Wrap(errs.Invalid, err, "The address %s is too long for a code.", cut(l.URL))
	}
	l.Size = c.Size + 2*quiet
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			if !c.Black(x, y) {
				continue
			}
			run := 1
			for c.Black(x+run, y) {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			x += run
		}
	}
	l.Path = b.String()
	return l, nil
}

package path

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// pdf answers with the report for the provider.
func (s *Service) pdf(ctx context.Context, in *pdfIn) (*huma.StreamResponse, error) {
	zone := time.UTC
	if in.Zone != "" {
		z, err := time.LoadLocation(in.Zone)
		if err != nil {
			return nil, errs.Fields(errs.Field{Path: "query.zone", Value: in.Zone, Message: "is not a time zone such as Europe/Berlin"})
		}
		zone = z
	}
	r, err := s.report(ctx, in.Name, in.From, in.To)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := draw(&b, r, zone, s.now()); err != nil {
		return nil, err
	}
	name := mime.FormatMediaType("inline", map[string]string{"filename": "path-" + r.Path.Name + ".pdf"})
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/pdf")
		h.SetHeader("Content-Disposition", name)
		h.SetHeader("Content-Length", strconv.Itoa(b.Len()))
		h.SetHeader("Cache-Control", "no-store")
		_, _ = h.BodyWriter().Write(b.Bytes())
	}}, nil
}

// sheet is a report while it is drawn. Lengths are in mm.
type sheet struct {
	*fpdf.Fpdf
	tr   func(string) string
	zone *time.Location
}

const (
	margin = 15.0
	inner  = 180.0
)

func draw(b *bytes.Buffer, r *Report, zone *time.Location, now time.Time) error {
	p := fpdf.New("P", "mm", "A4", "")
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin+5)
	d := &sheet{Fpdf: p, tr: p.UnicodeTranslatorFromDescriptor(""), zone: zone}
	p.SetTitle("Network path "+r.Path.Name, true)
	p.SetCreator("Mainstay", true)
	p.SetCreationDate(now.UTC())
	p.SetFooterFunc(func() {
		p.SetY(-margin)
		d.font("", 8, 110)
		p.CellFormat(inner/2, 5, d.tr("Made by Mainstay on "+d.time(now)), "", 0, "L", false, 0, "")
		p.CellFormat(inner/2, 5, fmt.Sprintf("Page %d", p.PageNo()), "", 0, "R", false, 0, "")
	})
	p.AddPage()
	d.font("B", 16, 0)
	p.CellFormat(inner, 9, d.tr(clip("Network path "+r.Path.Name, 70)), "", 1, "L", false, 0, "")
	d.font("", 10, 60)
	target := r.Path.Host
	if r.Address != "" && r.Address != target {
		target += " (" + r.Address + ")"
	}
	d.line("Target", target)
	from := "the Mainstay server"
	if r.Path.From != "" {
		from = "edge " + r.Path.From
	}
	d.line("Measured from", from)
	how := strings.ToUpper(r.Path.Proto)
	if r.Path.Port > 0 {
		how += " to port " + strconv.Itoa(int(r.Path.Port))
	}
	d.line("Probes", fmt.Sprintf("%s, one to each hop every %s, the same flow for all", how, r.Path.Every))
	d.line("Window", d.time(r.From)+" to "+d.time(r.To))
	d.line("Time zone", zoneText(zone, r.From, r.To))
	d.head("What was found")
	d.font("", 10, 20)
	if len(r.Findings) == 0 {
		p.MultiCell(inner, 5, "Nothing was measured in this window.", "", "L", false)
	}
	for _, f := range r.Findings {
		p.MultiCell(inner, 5, d.tr("- "+f), "", "L", false)
	}
	d.head("Round trip and loss of the target")
	d.graph(r)
	d.hops(r)
	d.changes(r)
	d.font("", 8, 90)
	p.Ln(3)
	p.MultiCell(inner, 4, d.tr("Loss is lost probes divided by sent probes; an answer after more than 3 s is lost. Jitter is the mean of the absolute differences between one answer and the next. MOS is the voice quality by a simplified E-model (ITU-T G.107), 1 to 4.4. Routers answer probes with low priority: loss at a hop that does not go on to the hops behind it is no fault."), "", "L", false)
	return p.Output(b)
}

func zoneText(z *time.Location, from, to time.Time) string {
	a, b := from.In(z).Format("-07:00"), to.In(z).Format("-07:00")
	if a == b {
		return z.String() + " (UTC" + a + ")"
	}
	return z.String() + " (UTC" + a + ", then UTC" + b + ")"
}

func (d *sheet) time(t time.Time) string { return t.In(d.zone).Format("2006-01-02 15:04:05 MST") }

func (d *sheet) font(style string, size float64, gray int) {
	d.SetFont("Helvetica", style, size)
	d.SetTextColor(gray, gray, gray)
}

func (d *sheet) head(text string) {
	d.Ln(4)
	d.font("B", 11, 0)
	d.CellFormat(inner, 7, d.tr(text), "", 1, "L", false, 0, "")
}

func (d *sheet) line(label, text string) {
	d.font("", 10, 110)
	d.CellFormat(32, 5.5, d.tr(label), "", 0, "L", false, 0, "")
	d.font("", 10, 20)
	d.CellFormat(inner-32, 5.5, d.tr(clip(text, 110)), "", 1, "L", false, 0, "")
}

// graph draws the mean round trip as a line and loss as red bars.
func (d *sheet) graph(r *Report) {
	const h = 45.0
	x0, y0 := margin+12, d.GetY()+2
	w := inner - 12
	t := r.Timeline
	top := 1.0
	for _, v := range t.Max {
		top = max(top, v)
	}
	top *= 1.05
	n := len(t.Mean)
	step := w / float64(max(n, 1))
	d.SetFillColor(224, 49, 49)
	for i, l := range t.Loss {
		if l > 0 {
			d.Rect(x0+float64(i)*step, y0+h*(1-l), max(step, 0.25), h*l, "F")
		}
	}
	d.SetDrawColor(200, 200, 200)
	d.SetLineWidth(0.15)
	d.font("", 7, 110)
	for i := range 5 {
		y := y0 + h*float64(i)/4
		d.Line(x0, y, x0+w, y)
		d.SetXY(margin-3, y-2)
		d.CellFormat(14, 4, fmt.Sprintf("%.1f ms", top*float64(4-i)/4), "", 0, "R", false, 0, "")
	}
	d.SetDrawColor(28, 100, 190)
	d.SetLineWidth(0.3)
	lx, ly := -1.0, 0.0
	for i, v := range t.Mean {
		if v < 0 {
			lx = -1
			continue
		}
		x, y := x0+(float64(i)+0.5)*step, y0+h*(1-v/top)
		if lx >= 0 {
			d.Line(lx, ly, x, y)
		} else {
			d.Line(x, y, x+0.2, y)
		}
		lx, ly = x, y
	}
	d.SetDrawColor(120, 70, 200)
	for _, c := range r.Changes {
		x := x0 + w*float64(c.At.Sub(r.From))/float64(r.To.Sub(r.From))
		d.Line(x, y0, x, y0+h)
	}
	d.SetXY(x0, y0+h+1)
	d.CellFormat(w/2, 4, d.tr(d.time(r.From)), "", 0, "L", false, 0, "")
	d.CellFormat(w/2, 4, d.tr(d.time(r.To)), "", 1, "R", false, 0, "")
	d.CellFormat(inner, 4, "Blue: mean round trip. Red: lost probes, full height is all. Violet: change of the route.", "", 1, "L", false, 0, "")
}

var columns = []struct {
	head  string
	width float64
	align string
}{{"Hop", 9, "R"}, {"Address and name", 75, "L"}, {"Loss", 16, "R"}, {"Sent", 14, "R"}, {"Mean", 16, "R"}, {"Best", 16, "R"}, {"Worst", 17, "R"}, {"Jitter", 17, "R"}}

// hops draws the table of hops.
func (d *sheet) hops(r *Report) {
	d.head("Hops (times in ms)")
	d.font("B", 8, 20)
	d.SetDrawColor(180, 180, 180)
	for _, c := range columns {
		d.CellFormat(c.width, 5.5, c.head, "B", 0, c.align, false, 0, "")
	}
	d.Ln(-1)
	for _, h := range r.Hops {
		d.font("", 8, 20)
		name := "no answer"
		if len(h.Addresses) > 0 {
			name = who(h)
			if n := len(h.Addresses); n > 1 {
				name += fmt.Sprintf(" and %d more", n-1)
			}
		}
		if h.Target {
			name += " (target)"
		}
		cells := []string{strconv.Itoa(h.TTL), clip(name, 52), percent(h.Loss), strconv.FormatInt(h.Sent, 10), num(h.Mean), num(h.Min), num(h.Max), num(h.Jitter)}
		for i, c := range columns {
			if i == 2 && h.Lost > 0 && h.Note == "" {
				d.SetTextColor(190, 30, 30)
			}
			d.CellFormat(c.width, 5, d.tr(cells[i]), "", 0, c.align, false, 0, "")
			d.SetTextColor(20, 20, 20)
		}
		d.Ln(-1)
		if h.Note != "" {
			d.font("I", 7, 90)
			d.SetX(margin + 9)
			d.MultiCell(inner-9, 3.8, d.tr(h.Note), "", "L", false)
		}
	}
}

func num(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *v)
}

// changes lists changes of the route and comments.
func (d *sheet) changes(r *Report) {
	const most = 40
	if len(r.Changes) > 0 {
		d.head("Changes of the route")
		d.font("", 9, 20)
		for i, c := range r.Changes {
			if i == most {
				d.MultiCell(inner, 4.5, fmt.Sprintf("and %d older ones", len(r.Changes)-most), "", "L", false)
				break
			}
			d.MultiCell(inner, 4.5, d.tr(d.time(c.At)+": "+c.Text), "", "L", false)
		}
	}
	if len(r.Comments) > 0 {
		d.head("Comments")
		d.font("", 9, 20)
		for _, c := range r.Comments[:min(len(r.Comments), most)] {
			d.MultiCell(inner, 4.5, d.tr(d.time(c.At)+", "+c.Author+": "+c.Text), "", "L", false)
		}
	}
}

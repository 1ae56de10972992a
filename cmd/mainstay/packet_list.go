package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
	"github.com/mainstay-ops/mainstay/internal/core/packet/stats"
)

// packetRow is one line of the list.
type packetRow struct {
	Number    int                 `json:"number"`
	Time      time.Time           `json:"time"`
	Src       string              `json:"src"`
	Dst       string              `json:"dst"`
	Protocol  string              `json:"protocol"`
	Length    int                 `json:"length"`
	Info      string              `json:"info"`
	Protocols string              `json:"protocols"`
	Findings  []string            `json:"findings,omitempty"`
	Fields    map[string][]string `json:"fields,omitempty"`
	Tree      []*packet.Node      `json:"tree,omitempty"`
}

func packetListCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "list FILE", Short: "Print the packets of a capture, one JSON object per line",
		Long: "Print the packets of a capture, one JSON object per line. A filter in Wireshark's\n" +
			"syntax chooses packets by their fields.",
		Example: "  mainstay packet list office.pcap --filter 'http.response.code >= 500'\n" +
			"  mainstay packet list office.pcap --filter 'ip.addr == 192.0.2.0/24 and not arp' --fields ip.src,dns.qry.name\n" +
			"  mainstay packet list office.pcap --filter 'frame.number == 7' --tree",
		Args: cobra.ExactArgs(1),
		RunE: packetList,
	}
	f := c.Flags()
	f.String("format", "json", "json: one object per line")
	f.String("filter", "", "only packets that match, for example 'tcp.port == 80 and http'")
	f.StringSlice("fields", nil, "add the values of these fields, for example ip.src,dns.qry.name")
	f.Bool("tree", false, "add all fields with the places of their bytes")
	f.Int("limit", 0, "end after so many packets; 0: all")
	return c
}

func packetList(c *cobra.Command, args []string) error {
	if err := wantJSON(c); err != nil {
		return err
	}
	src, _ := c.Flags().GetString("filter")
	names, _ := c.Flags().GetStringSlice("fields")
	tree, _ := c.Flags().GetBool("tree")
	limit, _ := c.Flags().GetInt("limit")
	want, err := filter.Compile(src)
	if err != nil {
		return filterError(src, err)
	}
	for _, n := range names {
		if packet.Lookup(n) == nil {
			return errs.Fields(errs.Field{Path: "fields", Value: n, Message: "is not a field"})
		}
	}
	out := bufio.NewWriter(c.OutOrStdout())
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	count := 0
	err = eachPacket(c, args[0], func(_ *capture.Packet, p *packet.Packet) error {
		if !want.Match(p) {
			return nil
		}
		row := packetRow{Number: p.Number, Time: p.Time, Protocol: p.Protocol, Length: p.Length, Info: p.Info, Protocols: p.Protocols()}
		row.Src, row.Dst = p.Ends()
		for _, f := range p.Findings {
			row.Findings = append(row.Findings, string(f.Kind))
		}
		for _, n := range names {
			if v := p.All(n); v != nil {
				if row.Fields == nil {
					row.Fields = map[string][]string{}
				}
				row.Fields[n] = v
			}
		}
		if tree {
			row.Tree = p.Tree()
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
		if count++; count == limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(err, out.Flush())
}

// errEnough ends the reading of a capture early.
var errEnough = errors.New("enough packets")

// filterError shows the filter with a mark under the place that is wrong.
func filterError(src string, err error) error {
	var e *filter.Error
	if !errors.As(err, &e) {
		return err
	}
	mark := strings.Repeat(" ", len([]rune(src[:e.Pos]))) + strings.Repeat("^", max(1, len([]rune(src[e.Pos:e.End]))))
	return errs.New(errs.Invalid, "The filter is not right: %s\n  %s\n  %s", e.Error(), src, mark)
}

func packetFindingsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "findings FILE", Short: "Print what is noteworthy in a capture and what it means",
		Example: "  mainstay packet findings slow.pcap\n  mainstay packet findings slow.pcap --format json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			format, _ := c.Flags().GetString("format")
			if format != "text" && format != "json" {
				return errs.Fields(errs.Field{Path: "format", Value: format, Message: "is not known; text and json are"})
			}
			found := stats.NewFindings(5)
			if err := eachPacket(c, args[0], func(_ *capture.Packet, p *packet.Packet) error {
				found.Add(p)
				return nil
			}); err != nil {
				return err
			}
			out := bufio.NewWriter(c.OutOrStdout())
			if format == "json" {
				enc := json.NewEncoder(out)
				for _, f := range found.List() {
					if err := enc.Encode(f); err != nil {
						return err
					}
				}
				return out.Flush()
			}
			printFindings(out, found.List())
			return out.Flush()
		},
	}
	c.Flags().String("format", "text", "text, or json: one object per line")
	return c
}

func printFindings(out *bufio.Writer, list []*stats.Finding) {
	if len(list) == 0 {
		fmt.Fprintln(out, "Nothing noteworthy.")
	}
	for i, f := range list {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s (%s), %d times\n  %s\n", f.Title, f.Severity, f.Count, f.Meaning)
		for _, e := range f.Examples {
			fmt.Fprintf(out, "  packet %d  %s  %s → %s  %s\n", e.Number, e.Time.Format("15:04:05.000000"), e.Src, e.Dst, e.Detail)
		}
	}
}

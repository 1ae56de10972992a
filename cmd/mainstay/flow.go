package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

func flowCommand() *cobra.Command {
	c := &cobra.Command{Use: "flow", Short: "Read NetFlow, IPFIX and sFlow, without a server"}
	c.AddCommand(flowDecodeCommand())
	return c
}

func flowDecodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "decode FILE...", Short: "Print the records of datagrams, one JSON object per line",
		Long: "Print the records of NetFlow 5 and 9, IPFIX and sFlow 5 datagrams, one JSON object per line.\n\n" +
			"A FILE is a capture (pcap or pcapng, also compressed) or the payload of one datagram.\n" +
			"Several files are read in order: templates of one serve the next. Fields have the\n" +
			"names of IPFIX; a field without a known name stands as \"enterprise.number\" with its\n" +
			"bytes in hexadecimal.",
		Example: "  mainstay flow decode export.pcap --format json\n  mainstay flow decode template.dat data.dat",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := wantJSON(c); err != nil {
				return err
			}
			out := bufio.NewWriter(c.OutOrStdout())
			d := flow.NewDecoder(flow.Limits{})
			for _, name := range args {
				if err := flowDecodeFile(c, d, out, name); err != nil {
					return errors.Join(out.Flush(), err)
				}
			}
			if s := d.Stats(); s.Waiting > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "%d sets of data have no template in these files\n", s.Waiting)
			}
			return out.Flush()
		},
	}
	c.Flags().String("format", "json", "json: one object per line")
	return c
}

// wantJSON refuses a format that does not exist.
func wantJSON(c *cobra.Command) error {
	if v, _ := c.Flags().GetString("format"); v != "json" {
		return errs.Fields(errs.Field{Path: "format", Value: v, Message: "is not known; json is"})
	}
	return nil
}

// flowDecodeFile reads a capture, or one datagram of an exporter without an address.
func flowDecodeFile(c *cobra.Command, d *flow.Decoder, out io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", name)
	}
	defer f.Close()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var failed error
	emit := func(r *flow.Record) {
		if failed == nil {
			failed = enc.Encode(r)
		}
	}
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if capture.Is(head[:n]) {
		err = flowDecodeCapture(c, d, f, emit)
		return errors.Join(failed, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !flow.Is(b) {
		return errs.New(errs.Invalid, "%s is neither a capture nor a datagram of NetFlow 5, NetFlow 9, IPFIX or sFlow 5.", name)
	}
	// A datagram without a capture has no time of receipt; sFlow has no other.
	if err := d.Decode(netip.Addr{}, time.Time{}, bytes.Clone(b), emit); err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %v\n", name, err)
	}
	return failed
}

// flowDecodeCapture reads each UDP payload that looks like a datagram of an exporter.
func flowDecodeCapture(c *cobra.Command, d *flow.Decoder, f io.Reader, emit func(*flow.Record)) error {
	r, err := capture.NewReader(f)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The capture cannot be read.")
	}
	defer r.Close()
	whole := packet.NewDefragmenter()
	for {
		p, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, capture.ErrCut):
			fmt.Fprintln(c.ErrOrStderr(), "the capture ends inside a packet")
			return nil
		case err != nil:
			return errs.Wrap(errs.Invalid, err, "The capture cannot be read to its end.")
		}
		src, payload, ok := whole.UDP(p)
		if !ok || !flow.Is(payload) {
			continue
		}
		if err := d.Decode(src, p.Time, payload, emit); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "packet %d: %v\n", p.Number, err)
		}
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
)

func packetCommand() *cobra.Command {
	c := &cobra.Command{Use: "packet", Short: "Read captured packets, without a server"}
	c.AddCommand(packetSessionsCommand(), packetListCommand(), packetFindingsCommand())
	return c
}

func packetSessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "sessions FILE", Short: "Print who talked to whom in a capture, one JSON object per line",
		Long: "Print who talked to whom in a capture, one JSON object per line.\n\n" +
			"The source is who began. Bytes are whole frames; data is what TCP or UDP carries,\n" +
			"where bytes that were sent again count once.",
		Example: "  mainstay packet sessions office.pcapng.gz --format json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := wantJSON(c); err != nil {
				return err
			}
			t := session.NewTable(0)
			if err := eachPacket(c, args[0], func(_ *capture.Packet, p *packet.Packet) error {
				t.Add(p)
				return nil
			}); err != nil {
				return err
			}
			t.Flush()
			out := bufio.NewWriter(c.OutOrStdout())
			enc := json.NewEncoder(out)
			for s := range t.All() {
				if err := enc.Encode(s); err != nil {
					return err
				}
			}
			if n := t.Dropped(); n > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "%d packets belong to sessions beyond the limit and were not counted\n", n)
			}
			return out.Flush()
		},
	}
	c.Flags().String("format", "json", "json: one object per line")
	return c
}

// eachPacket reads a capture and takes each packet apart.
func eachPacket(c *cobra.Command, name string, each func(*capture.Packet, *packet.Packet) error) error {
	f, err := os.Open(name)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "The capture %s cannot be opened.", name)
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "%s cannot be read.", name)
	}
	defer r.Close()
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	for {
		raw, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, capture.ErrCut):
			fmt.Fprintln(c.ErrOrStderr(), "the capture ends inside a packet")
			return nil
		case err != nil:
			return errs.Wrap(errs.Invalid, err, "%s cannot be read to its end.", name)
		}
		d.Dissect(raw, &p)
		if err := each(raw, &p); err != nil {
			return err
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
)

func discoverCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "discover HOST[:PORT]", Short: "Read one device by SNMP, without a server",
		Long: "Read one device by SNMP and print what it is and what it has. Nothing is stored.\n\n" +
			"Secrets may come from the environment instead of the command line, where other\nusers of the machine can see them: " +
			"MAINSTAY_SNMP_COMMUNITY, MAINSTAY_SNMP_AUTH_PASSWORD\nand MAINSTAY_SNMP_PRIV_PASSWORD.",
		Example: "  mainstay discover 192.0.2.1 --community public\n" +
			"  mainstay discover switch-1:161 --version 3 --user ops --auth-protocol SHA256 --priv-protocol AES --json",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			target, opt, err := discoverTarget(c, args[0])
			if err != nil {
				return err
			}
			d, err := discover(c.Context(), target, opt)
			if err != nil {
				return err
			}
			if asJSON, _ := c.Flags().GetBool("json"); !asJSON {
				return printDevice(c, d)
			}
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return enc.Encode(d)
		},
	}
	f := c.Flags()
	f.String("community", "", "community of versions 1 and 2c (MAINSTAY_SNMP_COMMUNITY)")
	f.String("version", "", "1, 2c or 3; 3 when a user is given, else 2c")
	f.String("user", "", "user of version 3")
	f.String("auth-protocol", "", "MD5, SHA, SHA224, SHA256, SHA384 or SHA512")
	f.String("auth-password", "", "password for it (MAINSTAY_SNMP_AUTH_PASSWORD)")
	f.String("priv-protocol", "", "DES, AES, AES192, AES256, AES192C or AES256C")
	f.String("priv-password", "", "password for it (MAINSTAY_SNMP_PRIV_PASSWORD)")
	f.String("context", "", "context name of version 3")
	f.Duration("timeout", 2*time.Second, "wait this long for each answer")
	f.Int("retries", 2, "ask again this often")
	f.Duration("max-time", 3*time.Minute, "end the reading after this long")
	f.Bool("json", false, "print everything as one JSON object")
	return c
}

func discoverTarget(c *cobra.Command, address string) (snmp.Target, device.Options, error) {
	text := func(flag, env string) string {
		v, _ := c.Flags().GetString(flag)
		if v == "" && env != "" {
			v = os.Getenv(env)
		}
		return v
	}
	t := snmp.Target{
		Address: address, Version: snmp.Version(strings.TrimPrefix(text("version", ""), "v")),
		Community: text("community", "MAINSTAY_SNMP_COMMUNITY"),
		User:      text("user", ""), Context: text("context", ""),
		AuthProtocol: text("auth-protocol", ""), AuthPassword: text("auth-password", "MAINSTAY_SNMP_AUTH_PASSWORD"),
		PrivProtocol: text("priv-protocol", ""), PrivPassword: text("priv-password", "MAINSTAY_SNMP_PRIV_PASSWORD"),
	}
	if t.Version == "" {
		t.Version = snmp.V2c
		if t.User != "" {
			t.Version = snmp.V3
		}
	}
	t.Timeout, _ = c.Flags().GetDuration("timeout")
	if t.Retries, _ = c.Flags().GetInt("retries"); t.Retries == 0 {
		t.Retries = -1
	}
	if t.Version != snmp.V3 && t.Community == "" {
		return t, device.Options{}, errs.Fields(errs.Field{Path: "community", Message: "is missing; give --community or set MAINSTAY_SNMP_COMMUNITY"})
	}
	opt := device.Options{Address: address}
	opt.Time, _ = c.Flags().GetDuration("max-time")
	return t, opt, nil
}

func discover(ctx context.Context, t snmp.Target, opt device.Options) (*device.Device, error) {
	s, err := snmp.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return profile.Read(ctx, s, profile.Options{Device: opt})
}

// printDevice writes a summary for people; the JSON has everything.
func printDevice(c *cobra.Command, d *device.Device) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	line := func(k, v string) {
		if v != "" {
			fmt.Fprintf(w, "%s\t%s\n", k, v)
		}
	}
	it := d.Item
	line("Name", it.Name)
	line("Kind", strings.TrimSpace(it.Kind+" "+it.Role))
	line("Vendor", it.Vendor)
	line("Model", it.Model)
	line("System", strings.TrimSpace(it.OS+" "+it.Version))
	line("Serial", it.Serial)
	line("Location", it.Location)
	line("Description", it.SysDescr)
	for _, n := range []struct {
		what  string
		count int
	}{
		{"Addresses", len(d.Addresses)},
		{"Processors", len(d.Processors)},
		{"Memories", len(d.Memories)},
		{"Storages", len(d.Storages)},
		{"Sensors", len(d.Sensors)},
		{"Parts", len(d.Parts)},
		{"VLANs", len(d.VLANs)},
		{"MAC addresses", len(d.MACs)},
		{"Address table", len(d.Hosts)},
		{"Routes", len(d.Routes)},
	} {
		if n.count > 0 {
			line(n.what, fmt.Sprint(n.count))
		}
	}
	if len(d.Interfaces) > 0 {
		fmt.Fprint(w, "\nINTERFACE\tSTATUS\tMBIT/S\tMAC\tADDRESSES\tALIAS\n")
	}
	for _, f := range d.Interfaces {
		var on []string
		for _, a := range d.Addresses {
			if a.IfIndex == f.Index {
				on = append(on, fmt.Sprintf("%s/%d", a.Address, a.PrefixLength))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%g\t%s\t%s\t%s\n", f.Name, f.OperStatus, float64(f.SpeedBPS)/1e6, f.MAC, strings.Join(on, " "), f.Alias)
	}
	if len(d.Neighbors) > 0 {
		fmt.Fprint(w, "\nNEIGHBOR\tPORT\tON\tBY\n")
	}
	for _, n := range d.Neighbors {
		local := fmt.Sprint(n.LocalIfIndex)
		for _, f := range d.Interfaces {
			if f.Index == n.LocalIfIndex {
				local = f.Name
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", n.RemoteName, n.RemotePort, local, n.Protocol)
	}
	if len(d.Limits) > 0 {
		fmt.Fprint(w, "\nNOT READ TO THE END\n")
	}
	for _, l := range d.Limits {
		fmt.Fprintln(w, l)
	}
	return w.Flush()
}

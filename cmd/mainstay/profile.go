package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

func profileCommand() *cobra.Command {
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a device profile, and show what it reads of a device",
		Long: "Check a file of device profiles: every mistake is told with its line. With --against the device is read, " +
			"and what was read is shown.",
		Example: "  mainstay profile check acme.yaml\n  mainstay profile check acme.yaml --against 192.0.2.1 --community public",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return checkProfile(c, args[0]) },
	}
	check.Flags().String("against", "", "read this device, HOST or HOST:PORT")
	check.Flags().String("community", "", "SNMP v2c community of the device")
	check.Flags().Bool("json", false, "print what was read as JSON")
	list := &cobra.Command{
		Use: "list", Short: "List the device profiles that are part of the program", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := profile.Shipped()
			if err != nil {
				return err
			}
			for _, name := range set.Names() {
				if set.Profile(name).Matches() {
					fmt.Fprintln(c.OutOrStdout(), name)
				}
			}
			return nil
		},
	}
	c := &cobra.Command{Use: "profile", Short: "Device profiles: how devices are known and read over SNMP"}
	c.AddCommand(check, list)
	return c
}

func checkProfile(c *cobra.Command, file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Size() > strict.MaxBytes {
		return errs.New(errs.Invalid, "%s cannot be read, or is larger than %d bytes.", file, strict.MaxBytes)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "%s cannot be read.", file)
	}
	set, err := profile.Check(filepath.Base(file), data)
	if err != nil {
		return err
	}
	host, _ := c.Flags().GetString("against")
	if host == "" {
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s is right.\n", file)
		return err
	}
	community, _ := c.Flags().GetString("community")
	if community == "" {
		return errs.Fields(errs.Field{Path: "--community", Message: "is missing; --against needs it"})
	}
	s, err := snmp.Open(c.Context(), snmp.Target{Address: host, Version: snmp.V2c, Community: community})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	r, err := profile.Survey(c.Context(), s, profile.Options{Set: set, Device: device.Options{Address: host, Basics: true}})
	if err != nil {
		return err
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		b, err := json.MarshalIndent(r.Device, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), string(b))
		return err
	}
	printReading(c, r)
	return nil
}

func printReading(c *cobra.Command, r *profile.Reading) {
	w, d := c.OutOrStdout(), r.Device
	name := d.Profile
	if name == "" {
		name = "none matches"
	}
	for _, l := range [][2]string{
		{"profile", name}, {"name", d.Item.Name}, {"kind", strings.TrimSpace(d.Item.Kind + " " + d.Item.Role)}, {"vendor", d.Item.Vendor},
		{"model", d.Item.Model}, {"system", strings.TrimSpace(d.Item.OS + " " + d.Item.Version)}, {"serial", d.Item.Serial},
	} {
		fmt.Fprintf(w, "%-10s %s\n", l[0], l[1])
	}
	for _, p := range d.Processors {
		use := "?"
		if p.UsagePercent != nil {
			use = fmt.Sprintf("%.0f", *p.UsagePercent)
		}
		fmt.Fprintf(w, "processor  %s: %s %%\n", p.Descr, use)
	}
	for _, m := range d.Memories {
		if m.UsedPercent != nil && m.TotalBytes == 0 {
			fmt.Fprintf(w, "memory     %s: %.0f %%\n", m.Descr, *m.UsedPercent)
			continue
		}
		fmt.Fprintf(w, "memory     %s: %d of %d bytes\n", m.Descr, m.UsedBytes, m.TotalBytes)
	}
	for _, s := range d.Storages {
		fmt.Fprintf(w, "storage    %s: %d of %d bytes\n", s.Descr, s.UsedBytes, s.SizeBytes)
	}
	for _, s := range d.Sensors {
		value := fmt.Sprintf("%g %s", s.Value, s.Unit)
		if s.State != "" {
			value = s.State
		}
		fmt.Fprintf(w, "%-10s %s: %s\n", strings.ReplaceAll(s.Class, "_", " "), s.Descr, strings.TrimSpace(value))
	}
	fmt.Fprintf(w, "metrics    %d values to poll\n", len(r.Points))
	for _, l := range d.Limits {
		fmt.Fprintln(w, "limit     ", l)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
)

// serverFlags are the settings that can be given on the command line.
var serverFlags = []struct{ name, key, help string }{
	{"listen", "listen", "address and port to listen on (127.0.0.1:8080)"},
	{"data", "data", "directory for all data (./data)"},
	{"public-url", "public_url", "address in links that people follow"},
	{"log-level", "log.level", "debug, info, warn or error"},
	{"log-format", "log.format", "text or json"},
}

func addServerFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "configuration file")
	for _, f := range serverFlags {
		fs.String(f.name, "", f.help)
	}
}

func loadConfig(fs *pflag.FlagSet) (config.Config, error) {
	file, err := fs.GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	given := map[string]string{}
	for _, f := range serverFlags {
		if fs.Changed(f.name) {
			v, err := fs.GetString(f.name)
			if err != nil {
				return config.Config{}, err
			}
			given[f.key] = v
		}
	}
	return config.Load(file, os.Environ(), given)
}

func serveCommand() *cobra.Command {
	c := &cobra.Command{Use: "serve", Short: "Run the server", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cfg, err := loadConfig(c.Flags())
		if err != nil {
			return err
		}
		if cfg.Listen.All, err = c.Flags().GetBool("all-listeners"); err != nil {
			return err
		}
		return serve(c, cfg)
	}}
	addServerFlags(c.Flags())
	c.Flags().Bool("all-listeners", false, "open the usual ports of all protocols on 127.0.0.1 (OTLP gRPC, StatsD, Graphite and others)")
	return c
}

const stopWithin = 20 * time.Second

// gcPercent keeps less garbage than Go does by itself. Most of the memory is the
// state of checks and metric series, which lives long; collecting it more often
// costs little and saves a quarter of the memory. GOGC in the environment wins.
const gcPercent = 50

func serve(c *cobra.Command, cfg config.Config) error {
	logger := cfg.Logger()
	slog.SetDefault(logger)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	start := time.Now()
	token := os.Getenv("MAINSTAY_BOOTSTRAP_TOKEN")
	// Programs that Mainstay starts (plugins, scripts) must not inherit it.
	_ = os.Unsetenv("MAINSTAY_BOOTSTRAP_TOKEN")
	a, err := app.New(c.Context(), app.Options{Config: cfg, Version: version, Logger: logger, BootstrapToken: token})
	if err != nil {
		return err
	}
	if err := a.Start(c.Context()); err != nil {
		stopApp(a)
		return err
	}
	logger.Info("mainstay is ready", "version", version, "address", a.Address(), "url", a.URL(), "start_ms", time.Since(start).Milliseconds())
	if link := a.SetupURL(); link != "" {
		fmt.Fprintf(c.OutOrStdout(), "\nMainstay is ready. Open this link to make the first account (it works once):\n\n  %s\n\n", link)
	}
	<-c.Context().Done()
	logger.Info("mainstay is stopping")
	stopApp(a)
	return nil
}

func stopApp(a *app.App) {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	a.Stop(ctx)
}

func configCommand() *cobra.Command {
	show := &cobra.Command{Use: "show", Short: "Print the configuration as the server would use it", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cfg, err := loadConfig(c.Flags())
		if err != nil {
			return err
		}
		if cfg.Database.URL != "" {
			cfg.Database.URL = "(set)"
		}
		b, err := yaml.Marshal(cfg)
		if err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(b)
		return err
	}}
	addServerFlags(show.Flags())
	c := &cobra.Command{Use: "config", Short: "Look at the server's configuration"}
	c.AddCommand(show)
	return c
}

// openapiCommand prints the API description, from which the clients are made.
func openapiCommand() *cobra.Command {
	return &cobra.Command{Use: "openapi", Short: "Print the OpenAPI 3.1 description of the API", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		dir, err := os.MkdirTemp("", "mainstay-openapi-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		cfg := config.Default()
		cfg.Data, cfg.Listen.HTTP = dir, "127.0.0.1:0"
		a, err := app.New(c.Context(), app.Options{Config: cfg, Version: "1"})
		if err != nil {
			return err
		}
		defer stopApp(a)
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetIndent("", " ")
		return enc.Encode(a.API().OpenAPI())
	}}
}

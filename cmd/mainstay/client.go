package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// client speaks to a server's API.
type client struct {
	url, token string
	http       http.Client
}

func clientFlags(c *cobra.Command) {
	c.PersistentFlags().String("url", "", "address of the server (MAINSTAY_URL; http://127.0.0.1:8080)")
	c.PersistentFlags().String("token", "", "API token (MAINSTAY_TOKEN)")
}

func newClient(c *cobra.Command) (*client, error) {
	pick := func(flag, env, def string) string {
		if v, err := c.Flags().GetString(flag); err == nil && v != "" {
			return v
		}
		if v := os.Getenv(env); v != "" {
			return v
		}
		return def
	}
	cl := &client{url: strings.TrimRight(pick("url", "MAINSTAY_URL", "http://127.0.0.1:8080"), "/"), token: pick("token", "MAINSTAY_TOKEN", ""), http: http.Client{Timeout: 60 * time.Second}}
	if cl.token == "" {
		return nil, errs.New(errs.Unauthorized, "A token is needed: set MAINSTAY_TOKEN or give --token. An administrator makes one in Settings, Tokens.")
	}
	return cl, nil
}

const maxAnswer = 64 << 20

// do sends body (bytes, or a value sent as JSON) and decodes the answer into out,
// which may be nil or *[]byte.
func (cl *client) do(ctx context.Context, method, path, contentType string, body, out any) error {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return err
		}
		r, contentType = bytes.NewReader(j), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, method, cl.url+path, r)
	if err != nil {
		return errs.New(errs.Invalid, "%s is not an address of a server.", cl.url)
	}
	req.Header.Set("Authorization", "Bearer "+cl.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := cl.http.Do(req)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The server at %s does not answer.", cl.url)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The answer of %s broke off.", cl.url)
	}
	if res.StatusCode >= 300 {
		return problem(res.StatusCode, b)
	}
	switch o := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*o = b
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return errs.Wrap(errs.Internal, err, "The answer of %s cannot be read. Is it a Mainstay server?", cl.url)
	}
	return nil
}

// stream writes the answer to w as it comes.
func (cl *client) stream(ctx context.Context, path string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cl.url+path, nil)
	if err != nil {
		return errs.New(errs.Invalid, "%s is not an address of a server.", cl.url)
	}
	req.Header.Set("Authorization", "Bearer "+cl.token)
	res, err := cl.http.Do(req)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The server at %s does not answer.", cl.url)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return problem(res.StatusCode, b)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The answer of %s broke off.", cl.url)
	}
	return nil
}

func problem(status int, b []byte) error {
	var p struct {
		Detail, Code string
		Errors       []struct {
			Location, Message string
			Value             any
			Line              int
		}
	}
	if json.Unmarshal(b, &p) != nil || p.Detail == "" {
		return errs.New(errs.Internal, "The server answered %d %s.", status, http.StatusText(status))
	}
	e := &errs.Error{Code: errs.Code(p.Code), Message: p.Detail}
	for _, f := range p.Errors {
		v := ""
		if f.Value != nil {
			v = fmt.Sprint(f.Value)
		}
		e.Fields = append(e.Fields, errs.Field{Path: f.Location, Message: f.Message, Value: v, Line: f.Line})
	}
	return e
}

func applyCommand() *cobra.Command {
	c := &cobra.Command{Use: "apply -f FILE", Short: "Apply an ops.yaml: all of it or nothing", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		file, _ := c.Flags().GetString("file")
		dry, _ := c.Flags().GetBool("dry-run")
		var b []byte
		var err error
		if file == "-" {
			b, err = io.ReadAll(io.LimitReader(c.InOrStdin(), 9<<20))
		} else {
			b, err = os.ReadFile(file)
		}
		if err != nil {
			return errs.Wrap(errs.Invalid, err, "The file %s cannot be read.", file)
		}
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		var out struct {
			Changes []struct {
				Resource, Name, Outcome string
				Fields                  []string
			}
		}
		if err := cl.do(c.Context(), "POST", fmt.Sprintf("/api/v1/apply?dry_run=%t", dry), "application/yaml", b, &out); err != nil {
			return err
		}
		w, count := c.OutOrStdout(), map[string]int{}
		for _, ch := range out.Changes {
			count[ch.Outcome]++
			if ch.Outcome == "unchanged" {
				continue
			}
			fmt.Fprintf(w, "%-9s %s %s\n", ch.Outcome, ch.Resource, ch.Name)
			for _, f := range ch.Fields {
				fmt.Fprintf(w, "            %s\n", f)
			}
		}
		said := "Applied"
		if dry {
			said = "Dry run, nothing was changed"
		}
		_, err = fmt.Fprintf(w, "%s: %d created, %d updated, %d unchanged", said, count["created"], count["updated"], count["unchanged"])
		if n := count["waits for approval"]; n > 0 && err == nil {
			_, err = fmt.Fprintf(w, ", %d waiting for approval", n)
		}
		if err == nil {
			_, err = fmt.Fprintln(w, ".")
		}
		return err
	}}
	clientFlags(c)
	c.Flags().StringP("file", "f", "", "the file, - for standard input")
	c.Flags().Bool("dry-run", false, "show what would change and keep nothing")
	_ = c.MarkFlagRequired("file")
	return c
}

func exportCommand() *cobra.Command {
	c := &cobra.Command{Use: "export", Short: "Print everything that can be kept in files, as ops.yaml", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		var b []byte
		if err := cl.do(c.Context(), "GET", "/api/v1/export", "", nil, &b); err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(b)
		return err
	}}
	c.AddCommand(exportItemsCommand())
	clientFlags(c)
	return c
}

func tokenCommand() *cobra.Command {
	create := &cobra.Command{Use: "create --name NAME --role ROLE", Short: "Make an API token and print it once", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		in := map[string]any{}
		for _, f := range []string{"name", "role", "expires"} {
			if v, _ := c.Flags().GetString(f); v != "" {
				in[f] = v
			}
		}
		if sc, _ := c.Flags().GetStringSlice("scope"); len(sc) > 0 {
			in["scopes"] = sc
		}
		var out struct{ Token string }
		if err := cl.do(c.Context(), "POST", "/api/v1/tokens", "", in, &out); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), out.Token)
		return err
	}}
	create.Flags().String("name", "", "what it is for")
	create.Flags().String("role", "", "viewer, responder, operator or admin")
	create.Flags().String("expires", "", "lifetime such as 720h; without it the token does not expire")
	create.Flags().StringSlice("scope", nil, "limit to a permission, or to all that begin with a prefix ending in a dot")
	_ = create.MarkFlagRequired("name")
	_ = create.MarkFlagRequired("role")
	list := &cobra.Command{Use: "list", Short: "List API tokens", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		var out struct {
			Items []struct {
				ID, Name, Role string
				ExpiresAt      *time.Time `json:"expires_at"`
				LastUsedAt     *time.Time `json:"last_used_at"`
			}
		}
		if err := cl.do(c.Context(), "GET", "/api/v1/tokens", "", nil, &out); err != nil {
			return err
		}
		when := func(t *time.Time) string {
			if t == nil {
				return "never"
			}
			return t.Format(time.RFC3339)
		}
		for _, t := range out.Items {
			fmt.Fprintf(c.OutOrStdout(), "%s  %-24s %-10s expires %s, used %s\n", t.ID, t.Name, t.Role, when(t.ExpiresAt), when(t.LastUsedAt))
		}
		return nil
	}}
	revoke := &cobra.Command{Use: "revoke ID", Short: "Revoke an API token", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		cl, err := newClient(c)
		if err != nil {
			return err
		}
		return cl.do(c.Context(), "DELETE", "/api/v1/tokens/"+args[0], "", nil, nil)
	}}
	c := &cobra.Command{Use: "token", Short: "API tokens"}
	c.AddCommand(create, list, revoke)
	clientFlags(c)
	return c
}

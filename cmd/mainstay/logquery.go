package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func logQueryCommand() *cobra.Command {
	query := &cobra.Command{
		Use: "query [LOGSQL]", Short: "Search the logs of a server, one JSON object a line",
		Long: "Search the logs of a server with LogsQL and print one JSON object a line, the newest first. " +
			"With --follow, lines are printed as they come until you stop it.",
		Example: "  mainstay log query 'level:error' --since 2h\n  mainstay log query '* | stats by (host) count() as lines' --since 1d\n  mainstay log query 'app:nginx status:>=500' --follow",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := newClient(c)
			if err != nil {
				return err
			}
			v := url.Values{"query": {strings.Join(args, " ")}}
			if follow, _ := c.Flags().GetBool("follow"); follow {
				return followRows(c.Context(), cl, v, c.OutOrStdout(), c.ErrOrStderr())
			}
			since, _ := c.Flags().GetString("since")
			until, _ := c.Flags().GetString("until")
			limit, _ := c.Flags().GetInt("limit")
			oldest, _ := c.Flags().GetBool("oldest")
			v.Set("start", since)
			v.Set("end", until)
			v.Set("limit", strconv.Itoa(limit))
			if oldest {
				v.Set("order", "oldest")
			}
			return printRows(c.Context(), cl, v, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	query.Flags().String("since", "1h", "from when: an age such as 15m or 2d, or a time")
	query.Flags().String("until", "now", "until when")
	query.Flags().Int("limit", 1000, "how many rows at most")
	query.Flags().Bool("oldest", false, "the oldest rows first")
	query.Flags().BoolP("follow", "f", false, "print lines as they come")
	clientFlags(query)
	return query
}

// get asks for a stream, which has no limit of time.
func (cl *client) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cl.url+path, nil)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s is not an address of a server.", cl.url)
	}
	req.Header.Set("Authorization", "Bearer "+cl.token)
	endless := cl.http
	endless.Timeout = 0
	res, err := endless.Do(req)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The server at %s does not answer.", cl.url)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return nil, problem(res.StatusCode, b)
	}
	return res, nil
}

// printRows prints an answer. A query that fails on its way ends with an object with
// "error" only.
func printRows(ctx context.Context, cl *client, v url.Values, out, note io.Writer) error {
	res, err := cl.get(ctx, "/api/v1/logs/query?"+v.Encode())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		l, err := in.ReadBytes('\n')
		if len(l) > 0 {
			var bad map[string]string
			if strings.HasPrefix(string(l), `{"error":`) && json.Unmarshal(l, &bad) == nil && len(bad) == 1 {
				return errs.New(errs.Internal, "%s", bad["error"])
			}
			if _, err := out.Write(l); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			if res.Trailer.Get("X-More") == "true" {
				fmt.Fprintf(note, "mainstay: there are more than %s rows; give --limit or a shorter time\n", v.Get("limit"))
			}
			return nil
		} else if err != nil {
			return errs.Wrap(errs.Unavailable, err, "The answer of %s broke off.", cl.url)
		}
	}
}

// followRows prints lines as they come and begins again when the connection breaks off.
func followRows(ctx context.Context, cl *client, v url.Values, out, note io.Writer) error {
	for {
		res, err := cl.get(ctx, "/api/v1/logs/tail?"+v.Encode())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errs.Is(err, errs.Unavailable):
			return err
		case err != nil:
			fmt.Fprintf(note, "mainstay: %s Trying again.\n", errs.Message(err))
		default:
			err = printEvents(res.Body, out, note)
			_ = res.Body.Close()
			if err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}

// printEvents returns nil when the stream ends.
func printEvents(body io.Reader, out, note io.Writer) error {
	in := bufio.NewReaderSize(body, 64<<10)
	for {
		l, err := in.ReadString('\n')
		if err != nil {
			return nil //nolint:nilerr // the caller begins again
		}
		data, ok := strings.CutPrefix(l, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Rows    []json.RawMessage
			Skipped int
			Detail  string
		}
		if json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		if e.Detail != "" {
			return errs.New(errs.Invalid, "%s", e.Detail)
		}
		for _, r := range e.Rows {
			if _, err := fmt.Fprintf(out, "%s\n", r); err != nil {
				return err
			}
		}
		if e.Skipped > 0 {
			fmt.Fprintf(note, "mainstay: %d lines came too fast to be shown\n", e.Skipped)
		}
	}
}

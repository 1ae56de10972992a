// Package slack tells a channel of Slack, or of a chat that takes the same
// incoming webhooks. The buttons are links, so no app has to answer.
package slack

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func init() {
	respond.RegisterChannelType(respond.ChannelType{Name: "slack", Queue: "webhook", Check: check, Post: build})
}

func check(s respond.ChannelSettings) []errs.Field {
	u, err := url.Parse(s.Slack.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s.Slack.URL) > 2000 {
		return []errs.Field{{Path: "url", Message: "must be the address of an incoming webhook such as https://hooks.slack.com/services/…"}}
	}
	return nil
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type element struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	URL      string `json:"url,omitempty"`
	Style    string `json:"style,omitempty"`
	ActionID string `json:"action_id,omitempty"`
}

type block struct {
	Type     string    `json:"type"`
	Text     *text     `json:"text,omitempty"`
	Fields   []text    `json:"fields,omitempty"`
	Elements []element `json:"elements,omitempty"`
}

type message struct {
	// Text is what notifications on a phone show.
	Text   string  `json:"text"`
	Blocks []block `json:"blocks"`
}

// escape follows Slack's rule: these three characters begin its mark-up.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// cut keeps the limits of a block, counted in characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func field(name, value string) text {
	return text{"mrkdwn", "*" + name + "*\n" + cut(escape(value), 1500)}
}

func build(s respond.ChannelSettings, n respond.Notice) (respond.Post, error) {
	m := message{Text: cut(escape(n.Subject), 3000)}
	m.Blocks = append(m.Blocks, block{Type: "header", Text: &text{"plain_text", cut(n.Subject, 150)}},
		block{Type: "section", Text: &text{"mrkdwn", cut(escape(n.Lead), 2900)}})
	if i := n.Incident; i.ID != "" {
		f := []text{field("Priority", "P"+strconv.Itoa(i.Priority)), field("State", i.State), field("Since", i.ImpactStartedAt.UTC().Format("2006-01-02 15:04:05 UTC"))}
		if len(i.Items) > 0 {
			f = append(f, field("Items", strings.Join(i.Items, ", ")))
		}
		m.Blocks = append(m.Blocks, block{Type: "section", Fields: f})
		if i.Output != "" {
			m.Blocks = append(m.Blocks, block{Type: "section", Text: &text{"mrkdwn", "```" + cut(strings.ReplaceAll(escape(i.Output), "```", "'''"), 2900) + "```"}})
		}
	}
	if len(n.Lines) > 0 {
		m.Blocks = append(m.Blocks, block{Type: "section", Text: &text{"mrkdwn", cut("• "+escape(strings.Join(n.Lines, "\n• ")), 2900)}})
	}
	var buttons []element
	if n.AckURL != "" {
		buttons = append(buttons, element{Type: "button", Text: &text{"plain_text", "Acknowledge"}, URL: n.AckURL, Style: "primary", ActionID: "acknowledge"})
	}
	if n.URL != "" {
		buttons = append(buttons, element{Type: "button", Text: &text{"plain_text", "Open incident"}, URL: n.URL, ActionID: "open"})
	}
	if len(buttons) > 0 {
		m.Blocks = append(m.Blocks, block{Type: "actions", Elements: buttons})
	}
	body, err := json.Marshal(m)
	return respond.Post{URL: s.Slack.URL, Headers: map[string]string{"Content-Type": "application/json"}, Body: body}, err
}

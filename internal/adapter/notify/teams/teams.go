// Package teams tells a channel of Microsoft Teams through a workflow that is
// triggered by a webhook request and posts the Adaptive Card it is given.
package teams

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func init() {
	respond.RegisterChannelType(respond.ChannelType{Name: "teams", Queue: "webhook", Check: check, Post: build})
}

func check(s respond.ChannelSettings) []errs.Field {
	u, err := url.Parse(s.Teams.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s.Teams.URL) > 2000 {
		return []errs.Field{{Path: "url", Message: "must be the address of a Teams workflow, which begins with https://"}}
	}
	return nil
}

type fact struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

type part struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Size     string `json:"size,omitempty"`
	Weight   string `json:"weight,omitempty"`
	Color    string `json:"color,omitempty"`
	FontType string `json:"fontType,omitempty"`
	Wrap     bool   `json:"wrap,omitempty"`
	Facts    []fact `json:"facts,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

type card struct {
	Schema  string   `json:"$schema"`
	Type    string   `json:"type"`
	Version string   `json:"version"`
	Body    []part   `json:"body"`
	Actions []action `json:"actions,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

// plain takes the meaning from characters that a card would read as Markdown.
var plain = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "#", `\#`).Replace

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func build(s respond.ChannelSettings, n respond.Notice) (respond.Post, error) {
	color := "Attention"
	if n.Reason == respond.ReasonRestored || n.Reason == respond.ReasonResolved {
		color = "Good"
	} else if n.Incident.ID == "" {
		color = "Default"
	}
	c := card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Body: []part{
		{Type: "TextBlock", Text: plain(cut(n.Subject, 300)), Size: "Medium", Weight: "Bolder", Color: color, Wrap: true},
		{Type: "TextBlock", Text: plain(cut(n.Lead, 2000)), Wrap: true},
	}}
	if i := n.Incident; i.ID != "" {
		f := []fact{{"Priority", "P" + strconv.Itoa(i.Priority)}, {"State", i.State}, {"Since", i.ImpactStartedAt.UTC().Format("2006-01-02 15:04:05 UTC")}}
		if len(i.Items) > 0 {
			f = append(f, fact{"Items", plain(cut(strings.Join(i.Items, ", "), 1000))})
		}
		c.Body = append(c.Body, part{Type: "FactSet", Facts: f})
		if i.Output != "" {
			c.Body = append(c.Body, part{Type: "TextBlock", Text: plain(cut(i.Output, 2000)), FontType: "Monospace", Wrap: true})
		}
	}
	for _, l := range n.Lines {
		c.Body = append(c.Body, part{Type: "TextBlock", Text: plain(cut(l, 300)), Wrap: true})
	}
	if n.AckURL != "" {
		c.Actions = append(c.Actions, action{"Action.OpenUrl", "Acknowledge", n.AckURL})
	}
	if n.URL != "" {
		c.Actions = append(c.Actions, action{"Action.OpenUrl", "Open incident", n.URL})
	}
	body, err := json.Marshal(message{Type: "message", Attachments: []attachment{{"application/vnd.microsoft.card.adaptive", c}}})
	return respond.Post{URL: s.Teams.URL, Headers: map[string]string{"Content-Type": "application/json"}, Body: body}, err
}

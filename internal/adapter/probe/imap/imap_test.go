package imap

import (
	"testing"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/linetest"
)

func TestIMAP(t *testing.T) {
	t.Parallel()
	linetest.Protocol{Type: "imap", Greeting: "* OK ready\r\n", Refusal: "* BYE busy\r\n", Secure: "a STARTTLS", Answers: map[string]string{"a STARTTLS": "a OK go\r\n"}}.Run(t)
}

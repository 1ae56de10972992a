package pop3

import (
	"testing"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/linetest"
)

func TestPOP3(t *testing.T) {
	t.Parallel()
	linetest.Protocol{Type: "pop3", Greeting: "+OK ready\r\n", Refusal: "-ERR busy\r\n", Secure: "STLS", Answers: map[string]string{"STLS": "+OK go\r\n"}}.Run(t)
}

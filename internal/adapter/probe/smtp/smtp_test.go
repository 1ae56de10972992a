package smtp

import (
	"testing"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/linetest"
)

func TestSMTP(t *testing.T) {
	t.Parallel()
	linetest.Protocol{Type: "smtp", Greeting: "220 mail.example.org ESMTP\r\n", Refusal: "554 go away\r\n", Secure: "STARTTLS", Answers: map[string]string{"EHLO": "250-here\r\n250 STARTTLS\r\n", "STARTTLS": "220 go\r\n"}}.Run(t)
}

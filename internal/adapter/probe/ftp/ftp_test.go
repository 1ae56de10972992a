package ftp

import (
	"testing"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/linetest"
)

func TestFTP(t *testing.T) {
	t.Parallel()
	linetest.Protocol{Type: "ftp", Greeting: "220 files\r\n", Refusal: "421 busy\r\n", Secure: "AUTH TLS", Answers: map[string]string{"AUTH TLS": "234 go\r\n"}}.Run(t)
}

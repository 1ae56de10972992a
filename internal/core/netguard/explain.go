package netguard

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Explain turns a network error into a short phrase for people, for example
// "connection refused". It gives "" for nil.
func Explain(err error) string {
	var (
		refused *RefusedError
		dns     *net.DNSError
		header  tls.RecordHeaderError
		netErr  net.Error
		op      *net.OpError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name " + dns.Name + " does not resolve"
	case errors.As(err, &dns) && dns.IsTimeout:
		return "the name " + dns.Name + " could not be resolved in time"
	case errors.Is(err, context.Canceled):
		return "the check was stopped"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &netErr) && netErr.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the target reset the connection"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to the host"
	case errors.Is(err, syscall.ENETUNREACH):
		return "the network is unreachable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the target closed the connection early"
	case errors.As(err, &header):
		return "the target does not speak TLS"
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}

package netline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Greet reads the greeting of an smtp, imap, pop3 or ftp server and gives its text.
// An error tells that the server refused or speaks something else.
func Greet(c *Conn, protocol string) (string, error) {
	switch protocol {
	case "smtp", "ftp":
		return reply(c, "220")
	case "imap":
		return want(c, "* OK", "* PREAUTH")
	case "pop3":
		return want(c, "+OK")
	}
	return "", nil
}

// RequestTLS asks the server for TLS on the plain connection, after Greet. It knows
// smtp, imap, pop3, ftp (RFC 3207, 2595, 4217), postgres and ldap (RFC 4511).
func RequestTLS(c *Conn, protocol string) error {
	var err error
	switch protocol {
	case "smtp":
		if err = c.Writef("EHLO mainstay\r\n"); err == nil {
			_, err = reply(c, "250")
		}
		if err == nil {
			err = c.Writef("STARTTLS\r\n")
		}
		if err == nil {
			_, err = reply(c, "220")
		}
	case "imap":
		if err = c.Writef("a STARTTLS\r\n"); err == nil {
			err = tagged(c, "a")
		}
	case "pop3":
		if err = c.Writef("STLS\r\n"); err == nil {
			_, err = want(c, "+OK")
		}
	case "ftp":
		if err = c.Writef("AUTH TLS\r\n"); err == nil {
			_, err = reply(c, "234")
		}
	case "postgres":
		if _, err = c.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err == nil {
			err = oneByte(c, 'S')
		}
	case "ldap":
		err = ldapTLS(c)
	default:
		err = fmt.Errorf("STARTTLS is not known for %q", protocol)
	}
	return err
}

// Quit says goodbye, so that the server logs no broken connection.
func Quit(c *Conn, protocol string) {
	switch protocol {
	case "smtp", "pop3", "ftp":
		_ = c.Writef("QUIT\r\n")
	case "imap":
		_ = c.Writef("z LOGOUT\r\n")
	}
}

// maxLines bounds answers of many lines.
const maxLines = 256

// reply reads an answer "250-..." up to "250 ..." and wants the code.
func reply(c *Conn, code string) (string, error) {
	var first string
	for i := range maxLines {
		line, err := c.ReadLine()
		if err != nil {
			return first, err
		}
		if i == 0 {
			if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" {
				return line, fmt.Errorf("unexpected answer %q", short(line))
			}
			first = line
		}
		if len(line) == 3 || len(line) > 3 && line[3] == ' ' && line[:3] == first[:3] {
			if line[:3] != code {
				return first, fmt.Errorf("the server answered %q", short(line))
			}
			return first, nil
		}
	}
	return first, ErrTooMuch
}

func want(c *Conn, prefixes ...string) (string, error) {
	line, err := c.ReadLine()
	if err != nil {
		return line, err
	}
	for _, p := range prefixes {
		if strings.HasPrefix(line, p) {
			return line, nil
		}
	}
	return line, fmt.Errorf("the server answered %q", short(line))
}

func tagged(c *Conn, tag string) error {
	for range maxLines {
		line, err := c.ReadLine()
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if strings.HasPrefix(strings.ToUpper(rest), "OK") {
				return nil
			}
			return fmt.Errorf("the server answered %q", short(line))
		}
	}
	return ErrTooMuch
}

func oneByte(c *Conn, wanted byte) error {
	var b [1]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	if b[0] != wanted {
		return errors.New("the server does not offer TLS")
	}
	return nil
}

// ldapTLS sends the extended request 1.3.6.1.4.1.1466.20037 and reads its answer.
func ldapTLS(c *Conn) error {
	const oid = "1.3.6.1.4.1.1466.20037"
	req := append([]byte{0x30, byte(7 + len(oid)), 2, 1, 1, 0x77, byte(2 + len(oid)), 0x80, byte(len(oid))}, oid...)
	if _, err := c.Write(req); err != nil {
		return err
	}
	var h [2]byte
	if _, err := io.ReadFull(c, h[:]); err != nil {
		return err
	}
	n := int(h[1])
	if n&0x80 != 0 {
		var l [4]byte
		k := n & 0x7f
		if k > 4 {
			return errors.New("the server does not speak LDAP")
		}
		if _, err := io.ReadFull(c, l[4-k:]); err != nil {
			return err
		}
		n = int(binary.BigEndian.Uint32(l[:]))
	}
	if h[0] != 0x30 || n > 4096 {
		return errors.New("the server does not speak LDAP")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c, body); err != nil {
		return err
	}
	// The result code is the first ENUMERATED (tag 10, length 1).
	for i := 0; i+2 < len(body); i++ {
		if body[i] == 10 && body[i+1] == 1 {
			if body[i+2] == 0 {
				return nil
			}
			break
		}
	}
	return errors.New("the server does not offer TLS")
}

func short(s string) string { return s[:min(len(s), 120)] }

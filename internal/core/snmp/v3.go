package snmp

import (
	"strings"

	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"": gosnmp.NoAuth, "MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224,
	"SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"": gosnmp.NoPriv, "DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192,
	"AES256": gosnmp.AES256, "AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
}

// secure sets up the User-based Security Model of RFC 3414.
func secure(g *gosnmp.GoSNMP, t Target) error {
	usm, flags, err := t.USM()
	if err != nil {
		return err
	}
	g.Version, g.SecurityModel, g.ContextName = gosnmp.Version3, gosnmp.UserSecurityModel, t.Context
	g.MsgFlags, g.SecurityParameters = flags, usm
	return nil
}

// USM gives the user of a target of version 3 and the level at which it speaks.
func (t Target) USM() (*gosnmp.UsmSecurityParameters, gosnmp.SnmpV3MsgFlags, error) {
	if err := t.CheckV3(); err != nil {
		return nil, 0, err
	}
	auth := authProtocols[protocolName(t.AuthProtocol)]
	priv := privProtocols[protocolName(t.PrivProtocol)]
	flags := gosnmp.NoAuthNoPriv
	switch {
	case priv != gosnmp.NoPriv:
		flags = gosnmp.AuthPriv
	case auth != gosnmp.NoAuth:
		flags = gosnmp.AuthNoPriv
	}
	return &gosnmp.UsmSecurityParameters{
		UserName:               t.User,
		AuthenticationProtocol: auth, AuthenticationPassphrase: t.AuthPassword,
		PrivacyProtocol: priv, PrivacyPassphrase: t.PrivPassword,
	}, flags, nil
}

// CheckV3 names what is wrong with the fields of version 3.
func (t Target) CheckV3() error {
	var bad []errs.Field
	if t.User == "" {
		bad = append(bad, errs.Field{Path: "user", Message: "is missing; SNMPv3 needs a user name"})
	}
	_, okAuth := authProtocols[protocolName(t.AuthProtocol)]
	if !okAuth {
		bad = append(bad, errs.Field{Path: "auth_protocol", Value: t.AuthProtocol, Message: "must be MD5, SHA, SHA224, SHA256, SHA384 or SHA512"})
	}
	_, okPriv := privProtocols[protocolName(t.PrivProtocol)]
	if !okPriv {
		bad = append(bad, errs.Field{Path: "priv_protocol", Value: t.PrivProtocol, Message: "must be DES, AES, AES192, AES256, AES192C or AES256C"})
	}
	if t.AuthProtocol != "" && len(t.AuthPassword) < 8 {
		bad = append(bad, errs.Field{Path: "auth_password", Message: "must have at least 8 characters (RFC 3414)"})
	}
	if t.PrivProtocol != "" && len(t.PrivPassword) < 8 {
		bad = append(bad, errs.Field{Path: "priv_password", Message: "must have at least 8 characters (RFC 3414)"})
	}
	if t.PrivProtocol != "" && t.AuthProtocol == "" {
		bad = append(bad, errs.Field{Path: "auth_protocol", Message: "is missing; SNMPv3 has no privacy without authentication"})
	}
	return errs.Fields(bad...)
}

// protocolName takes the spellings that vendors use: "SHA-256", "aes128".
func protocolName(s string) string {
	s = strings.ReplaceAll(strings.ToUpper(s), "-", "")
	switch s {
	case "SHA1":
		return "SHA"
	case "AES128":
		return "AES"
	case "NONE":
		return ""
	}
	return s
}

// Package column reads columns of SNMP tables, and single values, again and again
// with little processor time. It speaks version 2c itself: one GETBULK asks for
// several columns at once, and an answer is read in place, without a copy of names
// and values. It knows GET, GETBULK and the answers to them, nothing else of SNMP;
// versions 1 and 3 go by way of package snmp.
package column

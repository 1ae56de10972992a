// Package packet keeps captures of network traffic: it takes them on the
// interfaces of the server, takes them in as files, lets an alert begin one, and
// answers what is in them. What packets mean is package core/packet's.
package packet

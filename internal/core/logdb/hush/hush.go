// Package hush keeps a library that writes to the standard log while the program
// loads from greeting everybody who runs a command. It imports nothing but the
// standard library, so that it is initialized before packages that have further
// dependencies; whoever imports it calls Restore when it is initialized itself.
package hush

import (
	"io"
	"log" //nolint:depguard // a library writes to it while the program loads
)

var standard = silence()

func silence() io.Writer {
	w := log.Writer()
	log.SetOutput(io.Discard)
	return w
}

// Restore gives the standard log its output back.
func Restore() { log.SetOutput(standard) }

//go:build !linux

package sniff

// Permitted tells whether the program may capture.
func Permitted() error { return ErrUnsupported }

// Open begins a capture.
func Open(Options) (Source, error) { return nil, ErrUnsupported }

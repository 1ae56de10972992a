//go:build !unix

package logdb

// lockDir does nothing: the engine locks its own directory on this system.
func lockDir(string) (unlock func() error, err error) {
	return func() error { return nil }, nil
}

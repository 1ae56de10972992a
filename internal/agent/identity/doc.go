// Package identity is who an agent is: its key, which never leaves the host, the
// certificate the server signed for it, and the authorities it trusts. It enrolls with
// a one-time token and renews before the end. It reads and sends no measurements.
package identity

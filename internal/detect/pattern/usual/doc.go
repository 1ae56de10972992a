// Package usual decides what is usual for templates of log lines. It is fed with counts
// by minute, remembers counts by hour for a week for each template on each item, and
// tells when a template is new, comes much more often than usual, or has vanished. It has
// no clock and does no input or output.
package usual

// Package spool keeps what an agent has to deliver on disk until the server has taken
// it: append-only segments of checksummed records, bounded in size. Each opening is a
// boot of its own with sequence numbers from 1, so a number is never used twice, even
// when the machine lost power and with it the end of a file. Nothing here speaks to a
// server.
package spool

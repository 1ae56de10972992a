// Package store keeps metrics on the local disk and answers PromQL queries. It
// wraps the storage and query engines of Prometheus, which promise no stable
// API; of the rest of Mainstay only rules use the language of their queries and texts.
//
// Layout of the directory: two-hour blocks, a write-ahead log, and "quarantine"
// for parts that could not be read at a start. A sample is in the write-ahead
// log before Append returns, so a killed process loses nothing that was
// appended; a power cut can lose the last seconds, because the log is not
// synced on every write.
//
// The background work of the wrapped database (mapping chunks to disk,
// compaction) runs on a goroutine of this package. The wrapped code panics when
// a disk write fails there; here it becomes Health.
package store

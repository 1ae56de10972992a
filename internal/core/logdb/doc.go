// Package logdb stores and finds rows of text with a time: log lines, spans, flows.
// It is the one package around the storage engine of VictoriaLogs, whose query
// language, LogsQL, it speaks; nothing else imports that engine. Several stores may
// be open in one program, each with its own directory and retention.
//
// # What survives what
//
// The engine keeps new rows in memory for a few seconds before it writes them to
// files. A journal stands in front of it: Write returns after the batch was written
// to the journal and synced to disk, so rows that Write acknowledged survive a kill
// of the program and a loss of power. A part of the journal is deleted once the
// engine has had its rows in files. Open puts the rows that are only in the journal
// into the engine; rows that the engine wrote before the crash are found and not
// stored twice. Two rows of one stream with the same time and the same fields count
// as one during that, and only then.
//
// A row is found by queries after about a second at the latest; Tail and Flush make
// it visible at once.
//
// # Retention
//
// Rows are kept in one partition for each day, in UTC, and go by whole days: when
// the day is older than the retention, and oldest first when the files are larger
// than the limit. The last two days are always kept. When the disk is nearly full,
// the oldest day goes first; when only two days are left, nothing new is stored
// until there is room, and Health says so. The age of a day is judged by the clock
// of the system.
//
// # Limits
//
// The engine stops the program when a file cannot be written for another reason than
// those above, for example when the disk is broken. What was acknowledged is in the
// journal then.
package logdb

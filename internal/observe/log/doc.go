// Package log keeps the log lines that come in and answers questions about them in
// LogsQL. Its nouns are the line, its stream (where lines come from: host, program,
// file) and the saved view (a query with a name, for oneself or for everybody). It
// owns the store of lines and the saved views. It knows no protocol: lines come
// through signal.Lines, with the item already found.
package log

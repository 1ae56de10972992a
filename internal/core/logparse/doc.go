// Package logparse recognizes the format of a log line by its content and gives its
// parts as fields: time, level, host, program, and what the format has.
//
// Frames come first (syslog, CRI, klog, a time and a level), then what stands inside
// (access logs, JSON, logfmt, CEF, messages of known programs). A line that nothing
// recognizes is kept whole: Parse never fails.
//
// Parsers of one's own are data: see Parser and Compile. They use the same pattern
// language as the parsers that come with the package.
package logparse

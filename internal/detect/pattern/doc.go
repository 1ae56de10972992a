// Package pattern watches the templates of log lines. Its nouns are the pattern (a
// template with its counts), the signal (a pattern that is new, comes far too often or
// has vanished), the mark (what a person said of a pattern) and the policy (which signals
// become alerts). It knows no log store: the counts of each minute come through
// observe.PatternSink, and what is usual is decided in the package usual.
package pattern

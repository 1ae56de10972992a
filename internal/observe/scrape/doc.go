// Package scrape reads the metrics that exporters show, as Prometheus does. Its nouns
// are the job (what to read, how often, and what to do with it) and the target (one
// address of a job, found in a list, a file, the DNS or at an address). It owns the
// jobs; targets and their state live in memory. The values go through the same gate as
// those of senders, so limits, counts and the search for the item are the same.
package scrape

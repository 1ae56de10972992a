// Package promapi serves the query part of the Prometheus HTTP API from the
// embedded metric store, so that Grafana, promtool and other clients work
// unchanged. Answers have the shapes and words of Prometheus, also for errors.
// Native histograms and exemplars do not exist in the store, so exemplar
// queries answer with an empty list. Access is checked by whoever mounts it.
package promapi

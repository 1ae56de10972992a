// Package metric is the room of numbers over time. It owns the embedded metric
// store (child store) and the Prometheus HTTP query API (child promapi). It
// answers the questions observe.Appender and observe.Metrics. It never
// measures anything itself and knows no checks: who writes a sample owns its
// meaning.
package metric

// Package trace keeps spans and answers what applications do: traces, services and
// their operations, who calls whom, errors in an inbox, slow statements, deployments.
// It owns the span store and the figures it makes of spans as they come. It never
// raises alerts: rules do that, on those figures.
package trace

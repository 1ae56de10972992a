// Package kpi reports what trouble cost: availability, downtime and the mean times
// of detection, response, recovery and failure, for any item and period, each with
// its definition.
//
// Its nouns: a period; a timeline, in which every moment of the period is in one
// bucket; a figure with its definition; a trend, which is availability step by step.
// The rules are in package figures and in docs/reports.md.
//
// It has no tables. It asks estate what an item needs, observe what checks saw and
// respond which incidents there were, and computes at the time of the request, so a
// report can always be made again from the records. It never changes anything.
package kpi

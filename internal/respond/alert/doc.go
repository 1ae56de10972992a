// Package alert keeps alerts: one for each problem of a check, and those that
// other programs send. It decides whether an alert is told to the rest of the
// wing (AlertFired), is withheld, or waits for the end of a silence. It never
// opens incidents and never sends messages.
package alert

// Package incident turns alerts into work: one incident for each cause, with
// priority, people, a timeline and the seven timestamps of its life. Policies say
// who is told and how an incident ends. It sends no messages and runs no checks.
package incident

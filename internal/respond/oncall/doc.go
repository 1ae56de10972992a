// Package oncall knows who is on call and whom to tell next. Its nouns are the
// schedule (layers of rotations with overrides on top), the escalation (steps that
// tell people, schedules and channels, one after the other) and the run of an
// escalation for one incident, which ends when somebody acknowledges.
//
// It never delivers a message; it asks respond.Notifier to.
package oncall

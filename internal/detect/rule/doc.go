// Package rule asks questions of stored metrics and logs again and again and raises a
// signal while one is answered. It owns rules, their instances and service level
// objectives. It never tells people: alerts take the signals from here.
package rule

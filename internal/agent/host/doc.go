// Package host reads the machine: figures every few seconds, processes, and the
// inventory. It only reads, keeps what it needs to compare two readings, and leaves out
// what it may not see. Values of options never leave it: a password can stand there.
package host

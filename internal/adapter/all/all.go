// Package all links every adapter into the program. Each has one file here that
// imports it; leaving the file out leaves the adapter out.
package all

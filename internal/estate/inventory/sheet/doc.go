// Package sheet reads files of items (CSV, JSON, one JSON object a line) into rows
// and writes rows back. It knows the form of a file, not what is true of items: it
// says that a cell is not JSON, never that a team does not exist.
package sheet

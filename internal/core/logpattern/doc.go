// Package logpattern finds the templates in log lines as they arrive: the fixed words of
// a message with "<*>" for what varies.
//
// A line is read once. Its header (time, level, process, component) is left out, the
// message is cut into words and signs, and words that can only be values (numbers,
// addresses, paths, quoted text, what stands behind "=") become "<*>". Lines with the
// same outcome are one template; that is one lookup. Only a form that was never seen is
// compared with the others: forms of the same length that differ in one word are one
// template when that word takes many values, or when the word before it says that a
// name follows ("user", "host").
//
// This is in the family of Drain (He et al., ICWS 2017) in that it works on one line
// after the other with bounded work. It has no tree and no threshold of similarity.
package logpattern

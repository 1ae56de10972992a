// Package unusual judges traffic: it learns what each address usually does and tells
// what differs. It holds no clock, no store and no network: records go in, and Tick
// says what began and what is over.
//
// Traffic is counted in windows. What is over a limit is told as soon as it is, in the
// middle of a window; it is over when a whole window passed without it. Distinct
// addresses and ports are counted in bitmaps (linear counting, Whang et al. 1990), so
// that the memory of one address is fixed; the number of addresses is limited too.
package unusual

// Package spread says when repeated work is due, so that things with the same
// interval do not all happen at once. It holds no clock and starts nothing.
package spread

//go:build !unix

package main

import "os"

// terminalWidth is 0 when f is no terminal that can be drawn on.
func terminalWidth(*os.File) int { return 0 }

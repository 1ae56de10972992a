// Package wire reads and writes packets of MQTT 3.1.1 (OASIS, 2014), as far as a gate
// between devices and a broker has to understand them.
package wire

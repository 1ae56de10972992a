// Package device polls the devices that discovery has read by SNMP: the counters
// of their interfaces, processors, memory, storage, sensors, and the neighbors of
// routing protocols. The figures go to the metric store; what a device was like at
// the last poll is kept in memory for the pages. docs/snmp-polling.md tells the
// names of all metrics.
package device

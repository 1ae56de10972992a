// Package outside keeps alerts that other programs send: Prometheus, Grafana, Zabbix
// and whatever posts JSON. Its nouns are the outside alert (one stretch in which a
// program says that something is wrong) and the mapping (how a person's payload becomes
// alerts). Each that is critical or a warning is told as detect.SignalRaised and ends
// as detect.SignalCleared. It reads no protocol, which adapters do, and decides nothing
// about incidents.
package outside

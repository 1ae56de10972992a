// Package capture reads and writes files of captured packets: pcap, with
// microseconds or nanoseconds and in either byte order, and pcapng, both also
// compressed with gzip or zstd.
package capture

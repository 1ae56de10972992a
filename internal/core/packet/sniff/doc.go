// Package sniff captures frames of a network interface of this machine, on Linux
// through a ring of packets that the kernel shares with the program (AF_PACKET,
// TPACKET_V3; packet(7)).
package sniff

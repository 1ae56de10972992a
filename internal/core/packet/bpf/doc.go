// Package bpf compiles a subset of the language of pcap-filter into a program
// that the kernel runs on every frame before it is captured.
//
// Understood are host, net, port and portrange with src or dst before them, tcp
// or udp before ports, ether host, and the protocols ip, ip6, arp, tcp, udp, sctp,
// icmp and icmp6, joined with and, or, not (&&, ||, !) and parentheses. Names of
// hosts are not looked up. As in pcap-filter, later fragments have no ports, and
// IPv6 extension headers are not walked.
package bpf

// Package topology keeps what sources see of the network, joins it to links, and
// draws maps: layer 2, layer 3 and services.
package topology

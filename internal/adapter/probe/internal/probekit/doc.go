// Package probekit is what probe adapters share: results and their text, field
// checks, the output of Nagios plugins, and services that greet with a line.
package probekit

// Package logs reads the journal of systemd and files, joins lines that belong
// together, and keeps where it is, so that each line is handed out once: over rotation,
// restarts and a kill at any moment. It knows nothing of a server.
package logs

// Package agent is `mainstay agent`: it reads the host it runs on, keeps what it read on
// disk and brings it to the server. Its nouns are figures, the inventory and the batch.
// It opens no port, takes no order to run a program, and imports nothing but core.
package agent

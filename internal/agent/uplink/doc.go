// Package uplink brings batches from the buffer to the server: in order, each until the
// server says that it is kept, with growing pauses while it does not answer. It renews
// the certificate in time. It knows nothing of what is in a batch.
package uplink

// Package iot is for sensors and machines that speak MQTT. A gate takes their
// connections, knows each by its credentials, bounds what it may say and reads what it
// says; a NATS server inside this process, of its own and apart from that of the edges,
// is the broker that keeps subscriptions, sessions and retained messages.
//
// Nouns: a client is a set of credentials, and whoever connects with them. A device is a
// thing that messages speak about; a bridge is one client and speaks for many devices. A
// mapping says what topics of a shape mean. A floor is a plan with rooms on it.
//
// It owns the tables iot_*. Items belong to estate, figures to the metric store.
package iot

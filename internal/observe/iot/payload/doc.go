// Package payload understands what devices say over MQTT: JSON, plain numbers,
// Tasmota, Zigbee2MQTT, Home Assistant discovery, Sparkplug B, and topics that a
// person has described with a template. It holds no SQL and no network.
package payload

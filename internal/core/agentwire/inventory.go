package agentwire

import "time"

// Inventory is what the host is and has. A nil list was not looked at.
type Inventory struct {
	At          time.Time    `json:"at"`
	Host        *Host        `json:"host,omitempty"`
	Packages    []Package    `json:"packages"`
	Services    []Service    `json:"services"`
	Users       []User       `json:"users"`
	Disks       []Disk       `json:"disks"`
	Containers  []Container  `json:"containers"`
	Ports       []Port       `json:"ports"`
	Databases   []Database   `json:"databases"`
	Interfaces  []Interface  `json:"interfaces"`
	Connections []Connection `json:"connections"`
}

// Host is the machine itself.
type Host struct {
	Hostname       string    `json:"hostname"`
	FQDN           string    `json:"fqdn,omitempty"`
	MachineID      string    `json:"machine_id,omitempty"`
	SystemUUID     string    `json:"system_uuid,omitempty"`
	Serial         string    `json:"serial,omitempty"`
	Vendor         string    `json:"vendor,omitempty"`
	Model          string    `json:"model,omitempty"`
	OS             string    `json:"os,omitempty"`
	Kernel         string    `json:"kernel,omitempty"`
	Architecture   string    `json:"architecture,omitempty"`
	CPUModel       string    `json:"cpu_model,omitempty"`
	CPUs           int       `json:"cpus,omitempty"`
	MemoryBytes    uint64    `json:"memory_bytes,omitempty"`
	BootedAt       time.Time `json:"booted_at,omitzero"`
	Virtualization string    `json:"virtualization,omitempty"`
}

// Package is an installed package of the system's package manager.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch,omitempty"`
	// Manager is dpkg, rpm, apk and so on.
	Manager string `json:"manager,omitempty"`
}

// Service is a unit of the service manager.
type Service struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	State   string `json:"state"`
	Enabled bool   `json:"enabled,omitempty"`
}

// User is an account of the host.
type User struct {
	Name  string `json:"name"`
	ID    string `json:"id,omitempty"`
	Home  string `json:"home,omitempty"`
	Shell string `json:"shell,omitempty"`
	// Admin says that the account may become root.
	Admin bool `json:"admin,omitempty"`
}

// Disk is a device or a mounted file system.
type Disk struct {
	Name      string `json:"name"`
	Mount     string `json:"mount,omitempty"`
	Type      string `json:"type,omitempty"`
	SizeBytes uint64 `json:"size_bytes,omitempty"`
	Model     string `json:"model,omitempty"`
	Serial    string `json:"serial,omitempty"`
	// Health is the word of SMART, such as passed or failed.
	Health string `json:"health,omitempty"`
}

// Container is one container of a container engine.
type Container struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Image string `json:"image"`
	State string `json:"state"`
}

// Port is a port on which a process waits.
type Port struct {
	Protocol  string   `json:"protocol"`
	Port      int      `json:"port"`
	Addresses []string `json:"addresses,omitempty"`
	Process   string   `json:"process,omitempty"`
	PID       int32    `json:"pid,omitempty"`
	User      string   `json:"user,omitempty"`
	// Command is without values of options.
	Command string `json:"command,omitempty"`
}

// Database is a database server that was found.
type Database struct {
	// Engine is postgres, mysql or redis.
	Engine      string `json:"engine"`
	Name        string `json:"name"`
	Port        int    `json:"port,omitempty"`
	Version     string `json:"version,omitempty"`
	SizeBytes   uint64 `json:"size_bytes,omitempty"`
	Replication string `json:"replication,omitempty"`
	// LagSeconds is how far a replica is behind, or the farthest of the replicas.
	LagSeconds *float64 `json:"lag_seconds,omitempty"`
	// LastBackup is the last time of what BackupOf names: the database does not know of
	// other backups.
	LastBackup time.Time `json:"last_backup,omitzero"`
	BackupOf   string    `json:"backup_of,omitempty"`
	// Note says what could not be asked, and why.
	Note string `json:"note,omitempty"`
}

// Interface is a network interface with its addresses in CIDR notation.
type Interface struct {
	Index     int64    `json:"index"`
	Name      string   `json:"name"`
	MAC       string   `json:"mac,omitempty"`
	MTU       int64    `json:"mtu,omitempty"`
	SpeedBPS  uint64   `json:"speed_bps,omitempty"`
	Up        bool     `json:"up,omitempty"`
	Loopback  bool     `json:"loopback,omitempty"`
	Virtual   bool     `json:"virtual,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// Connection is one or more connections from a local process to one remote port.
type Connection struct {
	RemoteAddress string `json:"remote_address"`
	RemotePort    int    `json:"remote_port"`
	Process       string `json:"process,omitempty"`
}

// Process is a running process.
type Process struct {
	PID         int32     `json:"pid"`
	Parent      int32     `json:"parent,omitempty"`
	Name        string    `json:"name"`
	User        string    `json:"user,omitempty"`
	Command     string    `json:"command,omitempty"`
	CPU         float64   `json:"cpu" doc:"Share of one processor, 0 to the number of processors."`
	MemoryBytes uint64    `json:"memory_bytes"`
	Started     time.Time `json:"started,omitzero"`
}

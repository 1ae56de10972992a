package observe

import "github.com/mainstay-ops/mainstay/internal/core/access"

// CaptureKind is the entity kind of packet captures.
const CaptureKind = "capture"

// Permissions on packet captures. They show what people do, so the roles below
// operator do not have them.
var (
	ReadCaptures  = access.Permission{Name: "capture.read", Title: "Open packet captures", Least: access.Operator}
	WriteCaptures = access.Permission{Name: "capture.write", Title: "Capture packets, upload and remove captures", Least: access.Operator}
)

package discovery

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
)

// visitor reads hosts by SNMP with the credentials of the job.
func (a *active) visitor() *visit.Visitor {
	v := &visit.Visitor{Worked: a.worked, Note: func(address string, ok bool, text string) { a.note(address, "snmp", ok, text) }}
	for _, c := range a.creds {
		v.Credentials = append(v.Credentials, visit.Credential{Name: c.Name, Target: c.target("")})
	}
	return v
}

// lastCredentials gives which credential worked for each address of a job.
func (s *Service) lastCredentials(ctx context.Context, jobID string) (map[string]string, error) {
	var rows []struct{ Address, Credential string }
	err := s.d.DB.Reader().NewRaw("SELECT address, credential FROM discovery_hosts WHERE job_id = ? AND credential <> ''", jobID).Scan(ctx, &rows)
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Address] = r.Credential
	}
	return out, err
}

package incident

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// maxHits bounds how many hits of a text search a list looks through.
const maxHits = 500

// filter narrows a list; empty fields do not.
type filter struct {
	States                     []string
	Priority                   int
	TeamID, ItemID, AssigneeID string
	Unassigned                 bool
	Text, Sort, Cursor         string
	Limit                      int
}

var openStates = []string{New, Acknowledged, Restored}

// listIDs gives the ids of a page in order, and the cursor of the next. Each
// state is read by itself, so that a rare one among a million closed incidents is
// found at once.
func (s *Service) listIDs(ctx context.Context, q bun.IDB, f filter) ([]string, string, error) {
	where, args, err := s.conditions(ctx, f)
	if err != nil {
		return nil, "", err
	}
	if where == "" {
		return nil, "", nil
	}
	order := "number DESC"
	if f.Sort == "priority" {
		order = "priority, number"
		where += " AND r.open = ?"
		args = append(args, true)
	}
	if f.Cursor != "" {
		p, n, err := parseCursor(f)
		if err != nil {
			return nil, "", err
		}
		if f.Sort == "priority" {
			where += " AND (r.priority > ? OR r.priority = ? AND r.number > ?)"
			args = append(args, p, p, n)
		} else {
			where += " AND r.number < ?"
			args = append(args, n)
		}
	}
	from := "records r"
	if f.ItemID != "" {
		// CROSS JOIN makes SQLite begin with the few rows of the item.
		from = "record_items i CROSS JOIN records r"
	}
	cond, values := partition(f)
	if len(f.States) > 0 && cond != "r.state = ?" {
		where += " AND r.state IN (?)"
		args = append(args, bun.In(f.States))
	}
	kind := "r.kind"
	if f.Text != "" {
		// The hits of a search are few: an expression keeps the planner from walking
		// an index of all incidents in the order of the list instead.
		kind = "r.kind || ''"
	}
	one := func(cond string) string {
		return "SELECT r.id, r.number, r.priority FROM " + from + " WHERE " + kind + " = '" + respond.IncidentKind + "' AND " + cond + where + " ORDER BY " + order + " LIMIT " + strconv.Itoa(f.Limit+1)
	}
	query, all := one("1 = 1"), args
	if len(values) > 0 {
		var parts []string
		all = nil
		for n, v := range values {
			parts = append(parts, fmt.Sprintf("SELECT * FROM (%s) s%d", one(cond), n))
			all = append(append(all, v), args...)
		}
		query = "SELECT * FROM (" + strings.Join(parts, " UNION ALL ") + ") u ORDER BY " + order + " LIMIT " + strconv.Itoa(f.Limit+1)
	}
	var rows []struct {
		ID               string
		Number, Priority int64
	}
	if err := q.NewRaw(query, all...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		last := rows[f.Limit-1]
		next = fmt.Sprintf("%d.%d", last.Priority, last.Number)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, next, nil
}

// partition gives a condition and its values: each is read by itself in the order
// of an index, because no index covers all of them at once.
func partition(f filter) (string, []any) {
	switch {
	case f.Sort == "priority" || f.ItemID != "":
		return "", nil
	case f.Text != "":
		return "", nil
	case f.Priority > 0 || f.AssigneeID != "" || f.Unassigned:
		return "r.open = ?", openness(f.States)
	case len(f.States) > 0:
		var out []any
		for _, st := range f.States {
			out = append(out, st)
		}
		return "r.state = ?", out
	}
	return "", nil
}

// openness gives the values of open that records in the states can have: no look
// at a million closed ones for the few that are new.
func openness(states []string) []any {
	if len(states) == 0 {
		return []any{true, false}
	}
	var out []any
	for _, v := range []bool{true, false} {
		if slices.ContainsFunc(states, func(st string) bool { return slices.Contains(openStates, st) == v }) {
			out = append(out, v)
		}
	}
	return out
}

func parseCursor(f filter) (priority, number int64, err error) {
	a, b, _ := strings.Cut(f.Cursor, ".")
	priority, err1 := strconv.ParseInt(a, 10, 64)
	number, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, errs.Fields(errs.Field{Path: "cursor", Value: f.Cursor, Message: "must be the next of the page before"})
	}
	return priority, number, nil
}

// conditions gives " AND …" for the filter; "" with no error means that nothing
// can be found.
func (s *Service) conditions(ctx context.Context, f filter) (string, []any, error) {
	cond, args := access.Where(ctx, respond.ReadIncidents, "r.team_id")
	where := " AND " + cond
	add := func(c string, v ...any) { where, args = where+" AND "+c, append(args, v...) }
	if f.Priority > 0 {
		add("r.priority = ?", f.Priority)
	}
	if f.TeamID != "" {
		add("r.team_id = ?", f.TeamID)
	}
	if f.AssigneeID != "" || f.Unassigned {
		add("r.assignee_id = ?", f.AssigneeID)
	}
	if f.ItemID != "" {
		add("i.record_id = r.id AND i.ref_kind = ? AND i.ref_id = ?", estate.ItemKind, f.ItemID)
	}
	if f.Text == "" {
		return where, args, nil
	}
	if n, err := s.d.Records.ParseNumber(respond.IncidentKind, f.Text); err == nil {
		add("r.number = ?", n)
		return where, args, nil
	}
	docs, err := s.d.Search.Find(ctx, f.Text, []string{respond.IncidentKind}, maxHits)
	if err != nil || len(docs) == 0 {
		return "", nil, err
	}
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.RefID
	}
	add("r.id IN (?)", bun.In(ids))
	return where, args, nil
}

// views reads incidents for the API, in the order of ids.
func (s *Service) views(ctx context.Context, q bun.IDB, ids []string) ([]View, error) {
	full, err := readFull(ctx, q, ids)
	if err != nil || len(ids) == 0 {
		return []View{}, err
	}
	refs, err := record.Items(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	names, err := s.itemNames(ctx, q, refs)
	if err != nil {
		return nil, err
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	var people []string
	for _, f := range full {
		if f.AssigneeID != "" {
			people = append(people, f.AssigneeID)
		}
	}
	accounts, err := account.ByIDs(ctx, q, people)
	if err != nil {
		return nil, err
	}
	var counts []struct {
		RecordID string
		N        int
	}
	if err := q.NewRaw("SELECT record_id, COUNT(*) AS n FROM incident_alerts WHERE record_id IN (?) AND ended_at IS NULL GROUP BY record_id", bun.In(ids)).Scan(ctx, &counts); err != nil {
		return nil, err
	}
	firing := map[string]int{}
	for _, c := range counts {
		firing[c.RecordID] = c.N
	}
	out := make([]View, 0, len(ids))
	for _, id := range ids {
		f, ok := full[id]
		if !ok {
			continue
		}
		v := s.view(f)
		v.Team, v.AlertsFiring = teams[f.TeamID], firing[id]
		if a, ok := accounts[f.AssigneeID]; ok {
			v.Assignee = &Person{ID: a.ID, Name: a.Name}
		}
		for _, ref := range refs[id] {
			if n, ok := names[ref.ID]; ok && ref.Kind == estate.ItemKind {
				v.Items = append(v.Items, n)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

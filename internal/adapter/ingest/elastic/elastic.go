// Package elastic takes what senders of logs write to Elasticsearch: the bulk API and
// single documents, with the answers that Filebeat, Fluent Bit, Vector and Logstash
// ask for before they begin.
package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/logfield"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "elastic", Title: "Elasticsearch bulk", HTTP: func(env signal.Env) http.Handler { return &handler{env} }})
}

type handler struct{ env signal.Env }

// version is what senders of today accept; they refuse servers older than themselves.
const version = "8.19.0"

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch") // clients look for it
	path := strings.Trim(r.URL.Path, "/")
	first, rest, _ := strings.Cut(path, "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case last == "_bulk" && strings.Count(path, "/") <= 2:
		if answer.Method(w, r, http.MethodPost, http.MethodPut) {
			h.bulk(w, r, strings.TrimSuffix(strings.TrimSuffix(path, "_bulk"), "/"))
		}
	case strings.HasPrefix(rest, "_doc") || strings.HasPrefix(rest, "_create/"):
		if answer.Method(w, r, http.MethodPost, http.MethodPut) {
			h.document(w, r, first)
		}
	case path == "":
		reply(w, http.StatusOK, map[string]any{
			"name": "mainstay", "cluster_name": "mainstay", "cluster_uuid": "mainstay", "tagline": "You Know, for Search",
			"version": map[string]any{"number": version, "build_flavor": "default", "build_type": "tar", "lucene_version": "9.12.2", "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0"},
		})
	case path == "_license" || path == "_xpack/license" || path == "_xpack":
		reply(w, http.StatusOK, map[string]any{"license": map[string]any{"uid": "mainstay", "type": "basic", "status": "active"}, "features": map[string]any{}})
	case path == "_cluster/health":
		reply(w, http.StatusOK, map[string]any{"cluster_name": "mainstay", "status": "green"})
	case path == "_nodes/http" || path == "_nodes" || path == "_nodes/_local":
		reply(w, http.StatusOK, map[string]any{"cluster_name": "mainstay", "nodes": map[string]any{}})
	case managed(first):
		// Templates, policies and pipelines are of no use here; senders that set them up
		// are told that they have.
		h.setUp(w, r)
	default:
		answer.NotFound(w, r, "/ingest/elastic/_bulk")
	}
}

func managed(first string) bool {
	switch first {
	case "_index_template", "_template", "_component_template", "_ilm", "_ingest", "_data_stream", "_alias", "_logstash":
		return true
	}
	return false
}

func (h *handler) setUp(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodHead:
		w.WriteHeader(http.StatusOK)
	case http.MethodGet:
		reply(w, http.StatusOK, map[string]any{})
	default:
		reply(w, http.StatusOK, map[string]any{"acknowledged": true})
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		answer.Error(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who is gone needs no answer
}

// operation is one pair of a bulk request.
type operation struct {
	kind, index string
	line        signal.Line
	// bad says why the document was not taken.
	bad string
}

func (h *handler) bulk(w http.ResponseWriter, r *http.Request, index string) {
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	ops, err := parse(body, index)
	if err != nil {
		h.env.Malformed(from, err.Error())
		reply(w, http.StatusBadRequest, failure(400, "illegal_argument_exception", err.Error()))
		return
	}
	var batch []signal.Line
	for i := range ops {
		if ops[i].bad == "" {
			batch = append(batch, ops[i].line)
		} else {
			h.env.Malformed(from, ops[i].bad)
		}
	}
	if len(batch) > 0 {
		if _, err := h.env.Lines.TakeLines(r.Context(), from, batch); err != nil {
			refuse(w, err)
			return
		}
	}
	items := make([]map[string]any, len(ops))
	failed := false
	for i, op := range ops {
		one := map[string]any{"_index": op.index, "_id": "", "status": http.StatusCreated, "result": "created", "_version": 1, "_shards": map[string]int{"total": 1, "successful": 1, "failed": 0}}
		if op.bad != "" {
			failed = true
			one = map[string]any{"_index": op.index, "_id": "", "status": http.StatusBadRequest, "error": map[string]string{"type": "document_parsing_exception", "reason": op.bad}}
		}
		items[i] = map[string]any{op.kind: one}
	}
	reply(w, http.StatusOK, map[string]any{"took": 0, "errors": failed, "items": items})
}

// refuse answers so that senders wait and try again.
func refuse(w http.ResponseWriter, err error) {
	switch errs.CodeOf(err) {
	case errs.TooMany:
		w.Header().Set("Retry-After", "5")
		reply(w, http.StatusTooManyRequests, failure(429, "es_rejected_execution_exception", errs.Message(err)))
	case errs.Unavailable:
		w.Header().Set("Retry-After", "10")
		reply(w, http.StatusServiceUnavailable, failure(503, "unavailable_shards_exception", errs.Message(err)))
	default:
		answer.Error(w, err)
	}
}

func failure(status int, kind, reason string) map[string]any {
	cause := map[string]any{"type": kind, "reason": reason}
	return map[string]any{"status": status, "error": map[string]any{"type": kind, "reason": reason, "root_cause": []any{cause}}}
}

func (h *handler) document(w http.ResponseWriter, r *http.Request, index string) {
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	fs, err := logfield.Flatten(body)
	if err != nil {
		h.env.Malformed(from, err.Error())
		reply(w, http.StatusBadRequest, failure(400, "document_parsing_exception", err.Error()))
		return
	}
	if _, err := h.env.Lines.TakeLines(r.Context(), from, []signal.Line{line(fs, index)}); err != nil {
		refuse(w, err)
		return
	}
	reply(w, http.StatusCreated, map[string]any{"_index": index, "_id": "", "result": "created", "_version": 1})
}

func line(fs []signal.Field, index string) signal.Line {
	l := logfield.Line(fs)
	if l.Message == "" {
		// A document without a text is an event: its own text says what it is.
		l.Message = logfield.Find(l.Fields, "event.original", "event.action", "error.message")
	}
	if index != "" && signal.Value(l.Fields, "index") == "" {
		l.Fields = append(l.Fields, signal.Field{Name: "index", Value: index})
	}
	return l
}

// maxOperations bounds the answer.
const maxOperations = 200_000

// parse reads pairs of lines: what to do, and the document.
func parse(body []byte, index string) ([]operation, error) {
	var out []operation
	for n := 1; len(body) > 0; n++ {
		var head []byte
		head, body = cut(body)
		if len(head) == 0 {
			continue
		}
		var action map[string]struct {
			Index string `json:"_index"`
		}
		if err := json.Unmarshal(head, &action); err != nil || len(action) != 1 {
			return nil, fmt.Errorf("line %d must say what to do, such as {\"create\":{}}", n)
		}
		op := operation{index: index}
		for kind, v := range action {
			op.kind = kind
			if v.Index != "" {
				op.index = v.Index
			}
		}
		switch op.kind {
		case "index", "create":
		case "delete":
			op.bad = "Logs are not deleted by their senders."
			out = append(out, op)
			continue
		case "update":
			op.bad = "Logs are not changed once they are written."
		default:
			return nil, fmt.Errorf("line %d must begin with index or create, not %.40q", n, op.kind)
		}
		if len(body) == 0 {
			return nil, fmt.Errorf("the document behind line %d is missing", n)
		}
		var doc []byte
		doc, body = cut(body)
		n++
		if op.bad == "" {
			if fs, err := logfield.Flatten(doc); err != nil {
				op.bad = err.Error()
			} else {
				op.line = line(fs, op.index)
			}
		}
		if out = append(out, op); len(out) > maxOperations {
			return nil, fmt.Errorf("there are more than %d documents", maxOperations)
		}
	}
	return out, nil
}

func cut(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSpace(b), nil
	}
	return bytes.TrimSpace(b[:i]), b[i+1:]
}

package webui

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// store gives the files of the UI. The build keeps most of them packed by brotli
// only, which saves two megabytes of the program. Browsers take brotli over HTTPS
// and from this machine; over plain HTTP they ask for gzip, which is made once.
type store struct {
	files fs.FS

	mu   sync.Mutex
	made map[string][]byte // by encoding and name
}

// get gives a file and how it is encoded, as far as accept allows.
func (s *store) get(name, accept string) (body []byte, encoding string, err error) {
	if !fs.ValidPath(name) {
		return nil, "", fs.ErrNotExist
	}
	packed, err := fs.ReadFile(s.files, name+".br")
	if err != nil {
		body, err = fs.ReadFile(s.files, name)
		return body, "", err
	}
	for _, encoding := range []string{"br", "gzip"} {
		if !accepts(accept, encoding) {
			continue
		}
		if encoding == "br" {
			return packed, encoding, nil
		}
		body, err = s.make(encoding+" "+name, packed)
		return body, encoding, err
	}
	body, err = s.make(" "+name, packed)
	return body, "", err
}

// make gives the content of packed in the encoding that key begins with.
func (s *store) make(key string, packed []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.made[key]; ok {
		return b, nil
	}
	var b bytes.Buffer
	plain := brotli.NewReader(bytes.NewReader(packed))
	var err error
	if strings.HasPrefix(key, "gzip") {
		z := gzip.NewWriter(&b)
		if _, err = io.Copy(z, plain); err == nil {
			err = z.Close()
		}
	} else {
		_, err = io.Copy(&b, plain)
	}
	if err != nil {
		return nil, err
	}
	s.made[key] = b.Bytes()
	return b.Bytes(), nil
}

// accepts reads Accept-Encoding; "br;q=0" refuses br.
func accepts(header, encoding string) bool {
	return slices.ContainsFunc(strings.Split(header, ","), func(part string) bool {
		name, params, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) != encoding {
			return false
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		v, err := strconv.ParseFloat(q, 64)
		return !ok || err != nil || v > 0
	})
}

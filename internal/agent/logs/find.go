package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// find looks for the files of the patterns.
func (r *Reader) find() {
	clear(r.found)
	// Those that lead nowhere any more are read to their end.
	for _, t := range r.tails {
		if st, err := os.Stat(t.place.Path); err != nil || fileID(st) != t.place.ID {
			t.gone = true
		}
	}
	var patterns []string
	for _, cfg := range r.used.Files {
		patterns = append(patterns, cfg.Path)
		seen := slices.Contains(r.at.Patterns, cfg.Path)
		var begins *regexp.Regexp
		if cfg.Begins != "" {
			var err error
			if begins, err = regexp.Compile(cfg.Begins); err != nil {
				r.problem(fmt.Sprintf("The expression for the first line of %s is wrong: %v", cfg.Path, err))
				continue
			}
		}
		paths, err := filepath.Glob(cfg.Path)
		if err != nil || !filepath.IsAbs(cfg.Path) {
			r.problem(fmt.Sprintf("%s is not an absolute path or pattern.", cfg.Path))
			continue
		}
		if len(paths) == 0 {
			r.problem(fmt.Sprintf("There is no file %s.", cfg.Path))
		}
		for _, p := range paths {
			if len(r.tails) >= maxFiles {
				r.problem(fmt.Sprintf("More than %d files fit; the rest is not read.", maxFiles))
				break
			}
			if err := r.open(p, cfg, begins, seen); err != nil {
				r.problem(errs.Message(err))
			}
		}
	}
	r.rotated()
	if !slices.Equal(r.at.Patterns, patterns) {
		r.at.Patterns, r.dirty = patterns, true
	}
}

// open begins or goes on with a file.
func (r *Reader) open(path string, cfg agentwire.LogFile, begins *regexp.Regexp, fromBegin bool) error {
	f, st, err := r.openAllowed(path)
	if err != nil || f == nil {
		return err
	}
	id := fileID(st)
	if t := r.tails[id]; t != nil {
		t.gone = false // it has another name that is wanted as well
		_ = f.Close()
		return nil
	}
	t := &tail{f: f, cfg: cfg, begins: begins, max: r.maxLine(), place: place{Path: path, ID: id}}
	if p, ok := r.at.Files[id]; ok {
		t.place = p
		t.place.Path = path
		t.resume(st.Size())
	} else {
		if !fromBegin {
			t.place.Offset = endOfLine(f, st.Size())
		}
		t.rewind()
		t.mark()
	}
	r.tails[id] = t
	return nil
}

// endOfLine is the end of the last whole line.
func endOfLine(f *os.File, size int64) int64 {
	for size > 0 {
		n := min(size, chunk)
		b := make([]byte, n)
		if _, err := f.ReadAt(b, size-n); err != nil {
			return size
		}
		for i := n - 1; i >= 0; i-- {
			if b[i] == '\n' {
				return size - n + i + 1
			}
		}
		size -= n
	}
	return 0
}

// openAllowed opens a regular file below the allowed folders. It is asked where the open
// file is, so that a link that is put there meanwhile leads nowhere.
func (r *Reader) openAllowed(path string) (*os.File, os.FileInfo, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.IsDir() {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, errs.Wrap(errs.Unavailable, err, "%s cannot be opened: the agent may not read it.", path)
	}
	if !st.Mode().IsRegular() {
		return nil, nil, errs.New(errs.Invalid, "%s is not a regular file.", path)
	}
	if !local.Below(path, r.o.Local.Directories) {
		return nil, nil, errs.New(errs.Forbidden, "%s is not in a folder that this host allows (logs.directories in its agent.yaml).", path)
	}
	f, err := os.Open(path) //nolint:gosec // checked above and below
	if err != nil {
		return nil, nil, errs.Wrap(errs.Unavailable, err, "%s cannot be opened: the agent may not read it.", path)
	}
	if p, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd()))); err == nil && !local.Below(p, r.o.Local.Directories) {
		_ = f.Close()
		return nil, nil, errs.New(errs.Forbidden, "%s leads out of the folders that this host allows.", path)
	}
	st, err = f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, errs.Wrap(errs.Unavailable, err, "%s cannot be opened.", path)
	}
	return f, st, nil
}

// rotated looks for files that were renamed while the agent did not run: their rest is
// read under the old name.
func (r *Reader) rotated() {
	for id, p := range r.at.Files {
		cfg, ok := r.wants(p.Path)
		if _, running := r.tails[id]; running || !ok {
			continue
		}
		es, err := os.ReadDir(filepath.Dir(p.Path))
		if err != nil {
			continue
		}
		for _, e := range es {
			st, err := e.Info()
			if err != nil || !st.Mode().IsRegular() || fileID(st) != id {
				continue
			}
			f, st, err := r.openAllowed(filepath.Join(filepath.Dir(p.Path), e.Name()))
			if err != nil || f == nil {
				break
			}
			t := &tail{f: f, cfg: cfg, max: r.maxLine(), place: p, gone: true}
			if cfg.Begins != "" {
				t.begins, _ = regexp.Compile(cfg.Begins)
			}
			if p.Offset > st.Size() || p.HeadLen > 0 && !t.sameHead() {
				_ = f.Close() // another file that got the number
				break
			}
			t.rewind()
			r.tails[id] = t
			break
		}
	}
}

func (r *Reader) wants(path string) (agentwire.LogFile, bool) {
	for _, c := range r.used.Files {
		if ok, err := filepath.Match(c.Path, path); err == nil && ok {
			return c, true
		}
	}
	return agentwire.LogFile{}, false
}

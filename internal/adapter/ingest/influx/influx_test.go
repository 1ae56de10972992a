package influx

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const lines = `# a comment
room_temp,room=server value=21.5
cpu,host=web-1,cpu=cpu\ total usage_idle=98.5,usage_user=1i,up=true,count=3u 1700000000000000000
disk,path=C:\\,we\,ird=a\=b free=-1e3,note="with, \"quotes\" and
a line" 1700000000000000000
`

func TestLineProtocol(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("influx")
	require.Equal(t, 204, ingesttest.Do(h, http.MethodPost, "/write", []byte(lines)).Code)
	require.Equal(t, map[string][]float64{
		"room_temp{room=server}":                   {21.5},
		"cpu_usage_idle{cpu=cpu total,host=web-1}": {98.5},
		"cpu_usage_user{cpu=cpu total,host=web-1}": {1},
		"cpu_up{cpu=cpu total,host=web-1}":         {1},
		"cpu_count{cpu=cpu total,host=web-1}":      {3},
		`disk_free{path=C:\,we_ird=a=b}`:           {-1000},
	}, r.Series())
	s := r.Samples()
	require.Nil(t, s[0].Hints)
	require.WithinDuration(t, time.Now(), s[0].At, time.Minute)
	require.Equal(t, "web-1", s[1].Hints.Host)
	require.Equal(t, time.Unix(1700000000, 0), s[1].At)
	require.Equal(t, 1, r.Dropped("text values"))

	require.Equal(t, 204, ingesttest.Do(h, http.MethodPost, "/api/v2/write?bucket=b&precision=s", []byte("m v=1 1700000000")).Code)
	s = r.Samples()
	require.Equal(t, time.Unix(1700000000, 0), s[len(s)-1].At)
}

func TestWhatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("influx")
	rec := ingesttest.Do(h, http.MethodPost, "/write", []byte("good v=1\nbad\nm v=x\nm,t v=1\nm v=1 x\n,a=b v=1\nm v=NaN\nm v=1,w=\nm v=\"open"))
	require.Equal(t, 400, rec.Code)
	require.Contains(t, rec.Body.String(), "line 2: the line has no field")
	require.Len(t, r.Samples(), 1, "what could be read is kept")
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/write?precision=x", []byte("good v=1")).Code)
	require.Equal(t, 204, ingesttest.Do(h, http.MethodGet, "/ping", nil).Code)
	require.Equal(t, 404, ingesttest.Do(h, http.MethodGet, "/else", nil).Code)
	require.Equal(t, 400, ingesttest.Do(h, http.MethodPost, "/write", []byte("m v="+strings.Repeat("1", maxLine))).Code)
	r.Err = errs.New(errs.TooMany, "Slow down.")
	require.Equal(t, 429, ingesttest.Do(h, http.MethodPost, "/write", []byte("good v=1")).Code)
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(lines))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := points{now: time.Now(), unit: time.Nanosecond, hosts: map[string]*signal.Hints{}}
		for len(b) > 0 {
			var line []byte
			before := len(b)
			if line, b = nextLine(b); len(b) >= before {
				t.Fatal("a line takes nothing away")
			}
			_ = p.line(line)
		}
		for _, s := range p.samples {
			if s.At.IsZero() || s.Name == "" {
				t.Fatalf("%+v", s)
			}
		}
	})
}

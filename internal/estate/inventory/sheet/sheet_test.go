package sheet

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func schema() Schema {
	return Schema{Relations: []string{"depends_on", "runs_on"}, Attribute: func(n string) bool { return n == "serial" }}
}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"comma":     "name,kind,label:env,serial,attribute:note,attribute:n:json,runs_on\nweb,host,prod,S1,\"two\nlines; \"\"q\"\"\",[1],a;b\n",
		"semicolon": "name;kind;label:env;serial;attribute:note;attribute:n:json;runs_on\r\nweb;host;prod;S1;\"two\nlines; \"\"q\"\"\";[1];a|b\r\n",
		"tab":       "\xef\xbb\xbfName\tKIND\tlabel:env\tserial\tattribute:note\tattribute:n:json\truns_on\nweb\thost\tprod\tS1\t\"two\nlines; \"\"q\"\"\"\t[1]\ta; b\n",
	} {
		bad := &Mistakes{Most: 10}
		rows, err := ReadCSV([]byte(file), schema(), bad)
		require.NoError(t, err, name)
		require.Empty(t, bad.List, name)
		require.Len(t, rows, 1, name)
		r := rows[0]
		require.Equal(t, 2, r.Line)
		require.Equal(t, "web", r.Name)
		require.Equal(t, map[string]string{"kind": "host"}, r.Fields)
		require.Equal(t, "prod", *r.Labels["env"])
		require.Equal(t, map[string]any{"serial": "S1", "note": "two\nlines; \"q\"", "n": []any{1.0}}, r.Attributes, name)
		require.Equal(t, []string{"a", "b"}, r.Relations["runs_on"], name)
	}
}

func TestEveryMistakeHasItsLine(t *testing.T) {
	t.Parallel()
	bad := &Mistakes{Most: 10}
	rows, err := ReadCSV([]byte("name,kind,attribute:n:json\na,host,{\n,,\n\"b\n\",host\n,host,1\nc,-,-\n"), schema(), bad)
	require.NoError(t, err)
	require.Equal(t, []errs.Field{
		{Line: 2, Path: "attribute:n:json", Value: "{", Message: `must be JSON: 8, true, "text" or ["a","b"]`},
		{Line: 4, Message: "has 2 cells; the header has 3 columns"},
		{Line: 6, Path: "name", Message: "is missing; every row names its item"},
	}, bad.List)
	require.Len(t, rows, 1)
	require.Equal(t, "", rows[0].Fields["kind"], "a - empties")
	require.Contains(t, rows[0].Attributes, "n")
	require.Nil(t, rows[0].Attributes["n"])
	for file, want := range map[string]string{
		"":                                    "empty",
		"name,color\n":                        "column 2",
		"name,name\n":                         "twice",
		"kind\nhost\n":                        "must be called name",
		"name,\na,b\n":                        "has no name",
		"name,kind\n\"a,host\n":               "quote",
		"\xff\xfen\x00a\x00":                  "UTF-16",
		"name,label:\n":                       "names nothing",
		"name,attribute:a,attribute:a:json\n": "twice",
	} {
		_, err := ReadCSV([]byte(file), schema(), &Mistakes{Most: 10})
		require.ErrorContains(t, err, want, file)
	}
}

func TestReadJSON(t *testing.T) {
	t.Parallel()
	for _, file := range []string{`[{"name":"a","kind":"host","title":null,"labels":{"x":null},"attributes":{"n":8},"runs_on":["b"]},{"name":"b"}]`, `{"items":[{"name":"a","kind":"host","title":null,"labels":{"x":null},"attributes":{"n":8},"runs_on":["b"]},{"name":"b"}]}`} {
		bad := &Mistakes{Most: 10}
		rows, err := ReadJSON([]byte(file), schema(), bad)
		require.NoError(t, err)
		require.Empty(t, bad.List)
		require.Len(t, rows, 2)
		require.Equal(t, map[string]string{"kind": "host", "title": ""}, rows[0].Fields)
		require.Equal(t, map[string]*string{"x": nil}, rows[0].Labels)
		require.Equal(t, []string{"b"}, rows[0].Relations["runs_on"])
	}
	bad := &Mistakes{Most: 10}
	rows, err := ReadLines([]byte("{\"name\":\"a\"}\n\n7\n{\"color\":1}\n{\"name\":2}\n"), schema(), bad)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, 3, bad.Rows())
	require.True(t, bad.Has(3) && bad.Has(4) && bad.Has(5))
	for _, file := range []string{"", "7", "[", `[{"name":"a"}`, `{"a":[]}`} {
		_, err := ReadJSON([]byte(file), schema(), &Mistakes{Most: 10})
		require.Error(t, err, file)
	}
}

// What the writer writes, the reader reads back.
func FuzzRoundTrip(f *testing.F) {
	f.Add("web", "a title", "x;y", "-", " spaced ")
	f.Add("a", "\"", "\r\n", "", "8")
	f.Fuzz(func(t *testing.T, name, title, label, text, other string) {
		for _, s := range []string{name, title, label} {
			if strings.TrimSpace(s) != s || s == "" || s == Clear || strings.ToValidUTF8(s, "") != s || strings.Contains(s, "\r") {
				t.Skip()
			}
		}
		for _, s := range []string{text, other} {
			if strings.ToValidUTF8(s, "") != s {
				t.Skip()
			}
		}
		in := Row{Name: name, Fields: map[string]string{"kind": "host", "title": title}, Labels: map[string]*string{"l": &label}, Attributes: map[string]any{"a": text, "b": []any{other}}, Relations: map[string][]string{"runs_on": {"x", "y"}}}
		var b bytes.Buffer
		w, err := NewCSV(&b, Columns{Labels: []string{"l"}, Attributes: []AttributeColumn{{"a", !Plain(text)}, {"b", true}}, Relations: []string{"runs_on"}})
		require.NoError(t, err)
		require.NoError(t, w.Write(in))
		require.NoError(t, w.Flush())
		bad := &Mistakes{Most: 5}
		rows, err := ReadCSV(b.Bytes(), schema(), bad)
		require.NoError(t, err)
		require.Empty(t, bad.List)
		require.Len(t, rows, 1)
		in.Line = rows[0].Line
		require.Equal(t, in, rows[0])
		j, err := json.Marshal([]any{in.Object()})
		require.NoError(t, err)
		rows, err = ReadJSON(j, schema(), bad)
		require.NoError(t, err)
		in.Line = 1
		require.Equal(t, []Row{in}, rows)
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("name,kind\na,b\n"))
	f.Add([]byte(`[{"name":"a","attributes":{"x":[1]}}]`))
	f.Add([]byte("name;runs_on\n\"a\";\"b;c\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte, Schema, *Mistakes) ([]Row, error){ReadCSV, ReadJSON, ReadLines} {
			bad := &Mistakes{Most: 3}
			rows, err := read(b, schema(), bad)
			if err != nil {
				require.NotEqual(t, errs.Internal, errs.CodeOf(err), "%v", err)
				continue
			}
			for _, r := range rows {
				require.NotEmpty(t, r.Name)
				require.Positive(t, r.Line)
			}
		}
	})
}

package dashboard

import (
	"embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

//go:embed shipped/*.json
var files embed.FS

// readShipped reads what comes with the program once. A mistake in it is found by a test.
var readShipped = sync.OnceValue(func() []*View {
	names, err := files.ReadDir("shipped")
	if err != nil {
		panic(err) // it is embedded above
	}
	out := make([]*View, 0, len(names))
	for _, n := range names {
		b, err := files.ReadFile("shipped/" + n.Name())
		if err != nil {
			panic(err)
		}
		v := &View{Shipped: true}
		if err := json.Unmarshal(b, &v.Spec); err != nil {
			panic(n.Name() + ": " + err.Error())
		}
		if err := v.Check(); err != nil {
			panic(n.Name() + ": " + err.Error())
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *View) int { return strings.Compare(a.Name, b.Name) })
	return out
})

func shipped() []*View { return readShipped() }

func shippedNamed(name string) *View {
	for _, v := range shipped() {
		if v.Name == name {
			c := *v
			return &c
		}
	}
	return nil
}

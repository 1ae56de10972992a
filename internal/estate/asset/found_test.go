package asset

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestReleasesAreFound(t *testing.T) {
	t.Parallel()
	shipped, err := readShipped(shippedReleases)
	require.NoError(t, err)
	require.Greater(t, len(shipped), 150)
	rules := newRules(shipped, []release{{product: "cisco-asa", name: "9.16", title: "Cisco ASA 9.16", endsOn: "2027-01-31"}, {product: "brother-hl", name: anyRelease, endsOn: "2020-01-01"}, {product: "postgresql", name: "16", endsOn: "2029-12-31", own: true}})
	for text, want := range map[string]string{
		"Debian GNU/Linux 12 (bookworm)":                     "debian 12",
		"Ubuntu 22.04.5 LTS":                                 "ubuntu 22.04",
		"Red Hat Enterprise Linux 9.4 (Plow)":                "rhel 9",
		"Rocky Linux 8.10 (Green Obsidian)":                  "rocky 8",
		"CentOS Linux 7 (Core)":                              "centos 7",
		"CentOS Stream 9":                                    "centos-stream 9",
		"SUSE Linux Enterprise Server 15 SP5":                "sles 15 SP5",
		"Microsoft Windows Server 2012 R2 Standard 6.3.9600": "windows-server 2012 R2",
		"Microsoft Windows Server 2019 Standard 10.0.17763":  "windows-server 2019",
		"Microsoft Windows 10 Pro 10.0.19045.4170":           "windows 10 22H2",
		"Microsoft Windows 11 Pro 23H2 10.0.22631":           "windows 11 23H2",
		"VMware ESXi 7.0.3":                                  "esxi 7.0",
		"postgresql 16.3":                                    "postgresql 16",
		"PostgreSQL 9.6.24":                                  "postgresql 9.6",
		"mysql 8.0.36":                                       "mysql 8.0",
		"redis 7.0.15":                                       "redis 7.0",
		"nginx/1.24.0":                                       "nginx 1.24",
		"cisco asa software version 9.16.4":                  "cisco-asa 9.16",
		"Brother HL L2350":                                   "brother-hl any",
		"linux 6.1.0":                                        "",
		"Debian GNU/Linux 99":                                "",
		"some node 14 in the cluster":                        "",
	} {
		var got []string
		for _, h := range rules.find([]string{text}) {
			got = append(got, h.product+" "+h.name)
		}
		require.Equal(t, want, strings.Join(got, ", "), text)
	}
	require.Equal(t, "2029-12-31", rules.find([]string{"postgresql 16"})[0].endsOn, "what a person says goes first")
}

func FuzzFind(f *testing.F) {
	shipped, err := readShipped(shippedReleases)
	require.NoError(f, err)
	rules := newRules(shipped, nil)
	f.Add("Debian GNU/Linux 12 (bookworm)")
	f.Fuzz(func(t *testing.T, s string) {
		for _, h := range rules.find([]string{s}) {
			if h.endsOn == "" || h.found != s {
				t.Fatal(h)
			}
		}
	})
}

func TestEndOfLifeOfItems(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.est.attrs["old"] = map[string]any{"os": "CentOS Linux 7 (Core)", "serial": "ab-12 34"}
		h.est.attrs["new"] = map[string]any{"os": "Debian GNU/Linux 13 (trixie)"}
		require.NoError(t, h.svc.scan(h.ctx))
		past := get[page[Match]](h, "/api/v1/end-of-life?state=past").Items
		require.Len(t, past, 1)
		require.Equal(t, "old", past[0].Item)
		require.True(t, past[0].Past)
		require.Len(t, get[page[Match]](h, "/api/v1/end-of-life?limit=1").Items, 1)
		require.NotEmpty(t, get[page[Match]](h, "/api/v1/end-of-life?limit=1").Next)

		// Extended support was bought.
		require.Equal(t, 204, h.call("PUT", "/api/v1/end-of-life/releases/centos/7", `{"ends_on":"2099-12-31","source":"contract"}`).Code)
		require.NoError(t, h.svc.scan(h.ctx))
		require.Empty(t, get[page[Match]](h, "/api/v1/end-of-life?state=past").Items)
		require.True(t, get[page[Release]](h, "/api/v1/end-of-life/releases?q=centos/7").Items[0].Own)
		require.Equal(t, 204, h.call("DELETE", "/api/v1/end-of-life/releases/centos/7", "").Code)
		require.Equal(t, 404, h.call("DELETE", "/api/v1/end-of-life/releases/centos/7", "").Code)

		// The serial number proposes the item; a person links it.
		decode[Asset](t, h.call("POST", "/api/v1/assets", `{"tag":"S1","title":"Server","serial":"AB1234"}`), 201)
		require.Equal(t, "old", get[Asset](h, "/api/v1/assets/S1").Proposed)
		a := decode[Asset](t, h.call("PUT", "/api/v1/assets/S1", `{"title":"Server","serial":"AB1234","item":"old"}`), 200)
		require.Equal(t, "old", a.Item)
		require.Empty(t, a.Proposed)

		require.NoError(t, h.svc.d.DB.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.svc.forget(ctx, tx, "old") }))
		require.Empty(t, get[page[Match]](h, "/api/v1/end-of-life?item=old").Items)
		require.Empty(t, get[Asset](h, "/api/v1/assets/S1").Item, "the asset outlives its item")
	})
}

func TestLicenses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.person("ada@example.org", "viewer")
		h.est.attrs["w1"] = map[string]any{"os": "Windows Server 2019"}
		h.est.attrs["w2"] = map[string]any{"os": "Windows Server 2022"}
		h.est.packages["editor"] = []observe.Installed{{ItemID: "w1", Version: "2.1"}}
		l := decode[LicenseDetail](t, h.call("POST", "/api/v1/licenses", `{"name":"winsrv","product":"Windows Server","attribute":"os","contains":"windows server","renewal_on":"2999-01-01","purchases":[{"quantity":1},{"quantity":9,"valid_until":"2001-01-01"}]}`), 201)
		require.EqualValues(t, 1, l.Entitled, "what has run out does not count")
		decode[LicenseDetail](t, h.call("POST", "/api/v1/licenses", `{"name":"editor","product":"Editor","package":"editor","purchases":[{"quantity":5}]}`), 201)
		require.Equal(t, 422, h.call("POST", "/api/v1/licenses", `{"name":"bad","product":"x","attribute":"os"}`).Code)
		require.NoError(t, h.svc.scan(h.ctx))
		l = get[LicenseDetail](h, "/api/v1/licenses/winsrv")
		require.EqualValues(t, 2, l.Used)
		require.EqualValues(t, -1, l.Free)
		require.True(t, l.Lacking)
		require.Equal(t, []Use{{"w1", "editor 2.1"}}, get[page[Use]](h, "/api/v1/licenses/editor/uses").Items)
		for range 2 { // twice is once
			require.Equal(t, 204, h.call("POST", "/api/v1/licenses/editor/assignments", `{"kind":"person","name":"ada@example.org"}`).Code)
			require.Equal(t, 204, h.call("POST", "/api/v1/licenses/editor/assignments", `{"kind":"item","name":"w2"}`).Code)
		}
		require.EqualValues(t, 2, get[LicenseDetail](h, "/api/v1/licenses/editor").Assigned)
		require.Len(t, get[page[Assignment]](h, "/api/v1/licenses/editor/assignments").Items, 2)
		require.Equal(t, 204, h.call("DELETE", "/api/v1/licenses/editor/assignments/item/w2", "").Code)
		require.EqualValues(t, 1, get[LicenseDetail](h, "/api/v1/licenses/editor").Assigned)
		h.est.packages["editor"] = nil
		delete(h.est.attrs["w1"], "os")
		require.NoError(t, h.svc.scan(h.ctx))
		require.Empty(t, get[page[Use]](h, "/api/v1/licenses/editor/uses").Items)
		require.EqualValues(t, 1, get[LicenseDetail](h, "/api/v1/licenses/winsrv").Used)
	})
}

func TestWhatExpires(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		soon := h.svc.dayIn(10)
		decode[Asset](t, h.call("POST", "/api/v1/assets", `{"tag":"W","title":"Server","warranty_until":"`+soon+`"}`), 201)
		decode[LicenseDetail](t, h.call("POST", "/api/v1/licenses", `{"name":"l","product":"P","notice_on":"`+h.svc.dayIn(5)+`","purchases":[{"quantity":1,"valid_until":"`+soon+`"}]}`), 201)
		var got []string
		for cursor := ""; ; {
			p := get[page[Expiry]](h, "/api/v1/expirations?limit=1&cursor="+cursor)
			for _, e := range p.Items {
				got = append(got, e.What+" "+e.Name)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		require.Equal(t, []string{"notice l", "purchase l", "warranty W"}, got)
		require.Equal(t, 3, get[Summary](h, "/api/v1/asset-summary").Expiring)
		require.Empty(t, get[page[Expiry]](h, "/api/v1/expirations?days=4").Items)
	})
}

func TestFilesRoundTrip(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.est.attrs["srv"] = map[string]any{}
		const file = `
end_of_life: [{name: cisco-asa 9.16, title: Cisco ASA 9.16, ends_on: "2027-01-31", source: vendor}]
assets: [{name: A-1, item: srv, title: Server, serial: X123, price: 129900, currency: EUR, warranty_until: "2028-01-31"}]
licenses: [{name: db, product: Database, model: core, purchases: [{quantity: 8, valid_until: "2029-12-31"}]}]
`
		cs, err := h.engine.Run(h.ctx, []byte(file), false)
		require.NoError(t, err)
		require.Len(t, cs, 3)
		b, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		again, err := h.engine.Run(h.ctx, b, false)
		require.NoError(t, err, string(b))
		require.Len(t, again, 3)
		for _, c := range again {
			require.EqualValues(t, "unchanged", c.Outcome, c.Name)
		}
		_, err = h.engine.Run(h.ctx, []byte("assets: [{name: A-2, title: x, item: nothing}]"), false)
		require.ErrorContains(t, err, "assets[0].item")
	})
}

func TestLabel(t *testing.T) {
	t.Parallel()
	l, err := label("https://ops.example.org/", "A-00001", "Laptop")
	require.NoError(t, err)
	require.Equal(t, "https://ops.example.org/estate/assets/A-00001", l.URL)
	require.Regexp(t, regexp.MustCompile(`^(M\d+ \d+h\d+v1h-\d+z)+$`), l.Path)
	require.Equal(t, 0, (l.Size-2*quiet-17)%4, "a size of ISO/IEC 18004")
	require.True(t, strings.HasPrefix(l.Path, "M4 4h7v1h-7z"), "the finder pattern begins after the quiet zone")
}

var _ estate.Catalog = (*estateMap)(nil)

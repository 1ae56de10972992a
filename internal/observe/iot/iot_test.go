package iot_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type figure struct {
	Metric, Sensor string
	Value          float64
}

type device struct {
	ID, Name, Item, Client, Format, State, Problem, Maker, Model, Room string
	BadClock                                                           int64 `json:"bad_clock"`
	Figures                                                            []figure
	Commands                                                           []struct{ Name, Kind, Topic string }
}

type list[T any] struct {
	Items []T
	Next  string
}

type gateway struct {
	Ports    []struct{ Name, Address, Problem string }
	Refusals []struct{ Client, Address, Reason string }
	Refused  int64
	BadClock int64 `json:"bad_clock"`
}

func ports(c *config.Config) { c.Listen.Ports = map[string]string{"mqtt": "127.0.0.1:0"} }

func each(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	for _, p := range []string{"mosquitto_pub", "mosquitto_sub"} {
		if _, err := exec.LookPath(p); err != nil {
			testkit.Missing(t, p+" is not installed")
		}
	}
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t, ports)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := testkit.PostgresURL(t)
		f(t, apptest.Start(t, ports, func(c *config.Config) { c.Database.URL = dsn }))
	})
}

func state(s *apptest.Server) (g gateway) {
	s.Get("/api/v1/iot/gateway", &g)
	return g
}

// add makes credentials.
func add(t *testing.T, s *apptest.Server, body map[string]any) string {
	t.Helper()
	st, b := s.Do("POST", "/api/v1/iot/clients", body)
	require.Equal(t, 201, st, "%s", b)
	return strings.Split(strings.Split(string(b), `"password":"`)[1], `"`)[0]
}

func args(s *apptest.Server, user, password string) []string {
	host, port, _ := net.SplitHostPort(state(s).Ports[0].Address)
	return []string{"-h", host, "-p", port, "-u", user, "-P", password}
}

func run(t *testing.T, name string, a ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, a...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%w: %s", err, out)
	}
	return string(out), nil
}

func pub(t *testing.T, s *apptest.Server, user, password, topic, message string, more ...string) error {
	t.Helper()
	_, err := run(t, "mosquitto_pub", append(append(args(s, user, password), "-q", "1", "-t", topic, "-m", message), more...)...)
	return err
}

// listener is a mosquitto_sub that runs.
type listener struct {
	out *syncBuffer
	cmd *exec.Cmd
}

func sub(t *testing.T, s *apptest.Server, user, password string, more ...string) *listener {
	t.Helper()
	l := &listener{out: &syncBuffer{}}
	l.cmd = exec.CommandContext(t.Context(), "stdbuf", append(append([]string{"-oL", "mosquitto_sub", "-v", "-d"}, args(s, user, password)...), more...)...)
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.out
	require.NoError(t, l.cmd.Start())
	t.Cleanup(func() { _ = l.cmd.Process.Kill(); _ = l.cmd.Wait() })
	return l
}

func (l *listener) waits(t *testing.T, text string) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, "the subscriber sees "+text, func() bool { return strings.Contains(l.out.String(), text) })
}

func devices(s *apptest.Server) []device {
	var out list[device]
	s.Get("/api/v1/iot/devices?limit=500", &out)
	return out.Items
}

func find(s *apptest.Server, name string) (d device) {
	for _, x := range devices(s) {
		if x.Name == name {
			return x
		}
	}
	return d
}

func (d device) value(metric, sensor string) (float64, bool) {
	for _, f := range d.Figures {
		if f.Metric == metric && f.Sensor == sensor {
			return f.Value, true
		}
	}
	return 0, false
}

// A device publishes and becomes an item with figures in the metric store.
func TestFiguresReachTheStore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "cellar", "profile": "generic"})
		require.NoError(t, pub(t, s, "cellar", pw, "devices/cellar", `{"temperature":12.5,"humidity":70,"battery":9,"door":"open","time":"1970-01-01T00:00:10Z"}`))
		require.NoError(t, pub(t, s, "cellar", pw, "devices/cellar/co2", "811", "-q", "2"))
		d := find(s, "cellar")
		require.Equal(t, "cellar", d.Item, d.Problem)
		for metric, want := range map[string]float64{"iot_temperature_celsius": 12.5, "iot_humidity_percent": 70, "iot_battery_percent": 9, "iot_door": 1, "iot_co2_ppm": 811} {
			got, ok := d.value(metric, "")
			require.True(t, ok, metric)
			require.InDelta(t, want, got, 1e-9)
		}
		require.Equal(t, int64(1), d.BadClock)
		require.Equal(t, int64(1), state(s).BadClock)
		// What was acknowledged is in the store, with the time of receipt.
		var q struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  []any
				}
			}
		}
		s.Get("/prometheus/api/v1/query?query="+url.QueryEscape(`iot_temperature_celsius{item="cellar"}`), &q)
		require.Len(t, q.Data.Result, 1)
		require.Equal(t, "12.5", q.Data.Result[0].Value[1])
		var items struct{ Kind string }
		s.Get("/api/v1/items/cellar", &items)
		require.Equal(t, "iot_device", items.Kind)
	})
}

// Who has no credentials, or wrong ones, or revoked ones, does not come in; who has may
// use its own topics only.
func TestCredentialsAndTopics(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "a1", "profile": "generic"})
		other := add(t, s, map[string]any{"name": "b1", "profile": "generic"})
		require.ErrorContains(t, pub(t, s, "a1", "wrong-password-000", "devices/a1/x", "1"), "bad user name or password")
		require.Error(t, pub(t, s, "nobody", pw, "devices/a1/x", "1"))
		require.NoError(t, pub(t, s, "a1", pw, "devices/b1/x", "1"), "it is acknowledged and dropped")
		require.Empty(t, devices(s))
		var cs list[struct {
			Name, State string
			Lost        map[string]int64
		}]
		s.Get("/api/v1/iot/clients", &cs)
		require.Equal(t, map[string]int64{"denied": 1}, cs.Items[0].Lost)

		// A subscription to the topics of another is refused; its own works.
		b := sub(t, s, "b1", other, "-t", "devices/a1/#", "-t", "devices/b1/set")
		b.waits(t, "128, 0")
		require.NoError(t, pub(t, s, "a1", pw, "devices/a1/x", "5"))
		require.NotContains(t, b.out.String(), "devices/a1/x")

		st, _ := s.Do("POST", "/api/v1/iot/clients/a1/revoke", nil)
		require.Equal(t, 204, st)
		require.Error(t, pub(t, s, "a1", pw, "devices/a1/x", "6"))
		st, body := s.Do("POST", "/api/v1/iot/clients/a1/rotate", nil)
		require.Equal(t, 200, st)
		fresh := strings.Split(strings.Split(string(body), `"password":"`)[1], `"`)[0]
		require.Error(t, pub(t, s, "a1", pw, "devices/a1/x", "7"))
		require.NoError(t, pub(t, s, "a1", fresh, "devices/a1/x", "8"))
		var reasons []string
		for _, r := range state(s).Refusals {
			reasons = append(reasons, r.Reason)
		}
		require.Contains(t, reasons, "Its credentials were revoked.")
		require.Contains(t, reasons, "Its user name or password is wrong.")
		st, body = s.Do("POST", "/api/v1/iot/clients", map[string]any{"name": "a1", "profile": "generic"})
		require.Equal(t, 422, st)
		require.Contains(t, string(body), "two devices cannot have one name")
	})
}

// Two devices with one name: the second, at another address, is refused with a
// sentence.
func TestTwoDevicesWithOneName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "twin", "profile": "generic"})
		first := sub(t, s, "twin", pw, "-t", "devices/twin/set")
		first.waits(t, "Subscribed")
		require.Error(t, pub(t, s, "twin", pw, "devices/twin/x", "1", "-A", "127.0.0.2"))
		require.Contains(t, state(s).Refusals[0].Reason, "Another device is connected under the name twin, from 127.0.0.1.")
		require.NoError(t, pub(t, s, "twin", pw, "devices/twin/x", "1"), "the same address takes over")
	})
}

// A will tells that a device is gone; retained messages reach who comes later, and
// garbage that is retained makes nothing.
func TestWillAndRetained(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "plug", "profile": "tasmota", "subscribe": []string{"cmnd/{name}/#", "tele/{name}/#"}})
		require.NoError(t, pub(t, s, "plug", pw, "tele/plug/LWT", "Online", "-r"))
		require.NoError(t, pub(t, s, "plug", pw, "tele/plug/SENSOR", `{"Time":"2026-01-01T00:00:00","ENERGY":{"Total":3.25,"Power":42},"AM2301":{"Temperature":70.7},"TempUnit":"F"}`))
		require.NoError(t, pub(t, s, "plug", pw, "tele/plug/junk/x", "\x01\x02", "-r"))
		d := find(s, "plug")
		require.Equal(t, "online", d.State)
		v, _ := d.value("iot_temperature_celsius", "am2301")
		require.InDelta(t, 21.5, v, 1e-6)
		v, _ = d.value("iot_energy_kilowatt_hours", "")
		require.InDelta(t, 3.25, v, 1e-9)

		later := sub(t, s, "plug", pw, "-t", "tele/plug/LWT", "--will-topic", "tele/plug/LWT", "--will-payload", "Offline", "--will-retain")
		later.waits(t, "tele/plug/LWT Online")
		require.NoError(t, later.cmd.Process.Kill())
		testkit.Eventually(t, 10*time.Second, "offline", func() bool { return find(s, "plug").State == "offline" })
		again := sub(t, s, "plug", pw, "-t", "tele/plug/LWT")
		again.waits(t, "tele/plug/LWT Offline")
		require.Len(t, devices(s), 1)
	})
}

// Topics with spaces, which Zigbee2MQTT has, go through; commands are answered by the
// new state.
func TestZigbeeCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "zigbee2mqtt", "profile": "zigbee2mqtt"})
		require.NoError(t, pub(t, s, "zigbee2mqtt", pw, "zigbee2mqtt/bridge/devices", bridgeDevices, "-r"))
		require.NoError(t, pub(t, s, "zigbee2mqtt", pw, "zigbee2mqtt/Kitchen lamp", `{"state":"OFF","brightness":10,"linkquality":99}`))
		d := find(s, "Kitchen lamp")
		require.Equal(t, []string{"Kitchen lamp", "Acme", "L1", "zigbee2mqtt"}, []string{d.Item, d.Maker, d.Model, d.Format})
		path := "/api/v1/iot/devices/" + d.ID + "/commands"
		st, b := s.Do("POST", path, map[string]any{"command": "state", "value": "on"})
		require.Equal(t, 409, st, "it is not connected: %s", b)

		bridge := sub(t, s, "zigbee2mqtt", pw, "-t", "zigbee2mqtt/#")
		bridge.waits(t, "Subscribed")
		st, _ = s.Do("POST", path, map[string]any{"command": "state", "value": "on"}, s.TokenFor("viewer"))
		require.Equal(t, 403, st)
		st, b = s.Do("POST", path, map[string]any{"command": "brightness", "value": "300"})
		require.Equal(t, 422, st, "%s", b)
		st, b = s.Do("POST", path, map[string]any{"command": "state", "value": "on"})
		require.Equal(t, 201, st, "%s", b)
		bridge.waits(t, `zigbee2mqtt/Kitchen lamp/set {"state":"ON"}`)
		require.NoError(t, pub(t, s, "zigbee2mqtt", pw, "zigbee2mqtt/Kitchen lamp", `{"state":"ON"}`))
		var cs list[struct{ State, Actor string }]
		testkit.Eventually(t, 10*time.Second, "acknowledged", func() bool {
			s.Get(path, &cs)
			return len(cs.Items) == 1 && cs.Items[0].State == "acknowledged"
		})
	})
}

const bridgeDevices = `[{"friendly_name":"Coordinator","type":"Coordinator"},{"friendly_name":"Kitchen lamp","ieee_address":"0x00158d0001","type":"Router","definition":{"model":"L1","vendor":"Acme","exposes":[
{"type":"light","features":[{"type":"binary","name":"state","property":"state","access":7,"value_on":"ON","value_off":"OFF"},{"type":"numeric","name":"brightness","property":"brightness","access":7,"value_min":0,"value_max":254}]}]}}]`

// A topic that nothing explains waits with a suggestion; the suggestion explains it,
// and its words become the room.
func TestUnknownTopicIsMapped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "plc", "profile": "generic", "publish": []string{"hq/#"}})
		require.NoError(t, pub(t, s, "plc", pw, "hq/lab/freezer/temp", "-18.5"))
		var us list[struct {
			Topic      string
			Suggestion map[string]any
		}]
		s.Get("/api/v1/iot/unknown", &us)
		require.Len(t, us.Items, 1)
		require.Equal(t, "{building}/{room}/{device}/{metric}", us.Items[0].Suggestion["topic"])
		m := us.Items[0].Suggestion
		st, b := s.Do("PUT", "/api/v1/iot/mappings/"+url.PathEscape(m["name"].(string)), map[string]any{"topic": m["topic"]})
		require.Equal(t, 200, st, "%s", b)
		require.NoError(t, pub(t, s, "plc", pw, "hq/lab/freezer/temp", "-18.5"))
		d := find(s, "freezer")
		require.Equal(t, "lab", d.Room, d.Problem)
		v, _ := d.value("iot_temperature_celsius", "")
		require.InDelta(t, -18.5, v, 1e-9)
		s.Get("/api/v1/iot/unknown", &us)
		require.Empty(t, us.Items)
		var floors list[struct{ ID, Building string }]
		s.Get("/api/v1/iot/floors", &floors)
		require.Len(t, floors.Items, 1)
		var f struct {
			Room_list []struct {
				Name        string
				Temperature *float64
			}
		}
		s.Get("/api/v1/iot/floors/"+floors.Items[0].ID, &f)
		require.InDelta(t, -18.5, *f.Room_list[0].Temperature, 1e-9)
		var kind struct{ Kind string }
		s.Get("/api/v1/items/"+url.PathEscape("hq / lab"), &kind)
		require.Equal(t, "room", kind.Kind)
	})
}

// A flood is dropped above the limit, and counted; a message that is too large ends
// the connection.
func TestFloodAndSize(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "mad", "profile": "generic", "per_second": 1, "burst": 20})
		c := exec.CommandContext(t.Context(), "mosquitto_pub", append(args(s, "mad", pw), "-q", "1", "-t", "devices/mad/x", "-l")...)
		c.Stdin = strings.NewReader(strings.Repeat("1\n", 200))
		require.NoError(t, c.Run())
		c = exec.CommandContext(t.Context(), "mosquitto_pub", append(args(s, "mad", pw), "-q", "1", "-t", "devices/mad/x", "-s")...)
		c.Stdin = strings.NewReader(strings.Repeat("x", 1_200_000))
		require.Error(t, c.Run())
		var cs list[struct{ Lost map[string]int64 }]
		s.Get("/api/v1/iot/clients", &cs)
		require.GreaterOrEqual(t, cs.Items[0].Lost["flood"], int64(170))
		require.Equal(t, int64(1), cs.Items[0].Lost["too_large"])
	})
}

// A low battery becomes an alert, which ends when it is charged.
func TestBatteryAlarm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		pw := add(t, s, map[string]any{"name": "smoke-1", "profile": "generic"})
		require.NoError(t, pub(t, s, "smoke-1", pw, "devices/smoke-1", `{"battery":7}`))
		var as list[struct{ Title, Output, Status, Item string }]
		testkit.Eventually(t, 20*time.Second, "an alert", func() bool {
			s.Get("/api/v1/alerts", &as)
			return len(as.Items) == 1 && as.Items[0].Status == "firing"
		})
		require.Equal(t, "The battery of smoke-1 is low", as.Items[0].Title)
		require.Equal(t, "smoke-1", as.Items[0].Item)
		require.NoError(t, pub(t, s, "smoke-1", pw, "devices/smoke-1", `{"battery":90}`))
		testkit.Eventually(t, 20*time.Second, "the end", func() bool {
			s.Get("/api/v1/alerts?status=resolved", &as)
			return len(as.Items) == 1 && as.Items[0].Status == "resolved"
		})
	})
}

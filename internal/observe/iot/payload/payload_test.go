package payload

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func say(d *Decoder, topic, body string) Result {
	return d.Decode(Message{Topic: topic, Data: []byte(body), At: noon})
}

func values(r Result) map[string]float64 {
	out := map[string]float64{}
	for _, rep := range r.Reports {
		for _, v := range rep.Values {
			out[EchoOf(v)] = v.Number
		}
	}
	return out
}

func TestUnitsAreNormalized(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, unit, want string
		in, out          float64
	}{
		{"temperature", "°F", "temperature_celsius", 212, 100},
		{"temperature", "K", "temperature_celsius", 273.15, 0},
		{"voltage", "mV", "voltage_volts", 3000, 3},
		{"energy", "Wh", "energy_kilowatt_hours", 1500, 1.5},
		{"power", "MW", "power_watts", 1, 1e6},
		{"power", "mW", "power_watts", 1, 0.001},
		{"pressure", "kPa", "pressure_hectopascals", 101.3, 1013},
		{"soilTemp", "°C", "soil_temp_celsius", 1, 1},
		{"flow", "bananas/s", "flow_bananas_s", 2, 2},
		{"humidity", "", "humidity_percent", 5, 5},
		{"Überdruck", "", "berdruck", 1, 1},
	} {
		v := measure(c.name, "", c.unit, c.in)
		require.Equal(t, c.want, v.Name)
		require.InDelta(t, c.out, v.Number, 1e-9, c.name)
	}
}

func TestOwnTopics(t *testing.T) {
	t.Parallel()
	d := NewDecoder()
	r := say(d, "devices/a", `{"temp":21,"nested":{"x":1,"ok":true},"list":[1,2],"text":"hello","ts":1714564800}`)
	require.Equal(t, map[string]float64{"temperature_celsius": 21, "nested_x": 1, "nested_ok": 1, "list_1": 1, "list_2": 2}, values(r))
	require.Equal(t, time.Unix(1714564800, 0).UTC(), r.Reports[0].At)
	require.Equal(t, map[string]float64{"boiler_temperature_celsius": 60}, map[string]float64{"boiler_temperature_celsius": say(d, "devices/a/boiler", `{"value":60}`).Reports[0].Values[0].Number})
	require.NotEmpty(t, say(d, "devices/a", "hello world").Problem)
	require.False(t, *say(d, "devices/a/status", "offline").Reports[0].Available)
	require.False(t, say(d, "other/a", "1").Known)
	deepest := ""
	for range 2000 {
		deepest += `{"a":`
	}
	require.NotEmpty(t, say(d, "devices/a", deepest).Problem)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	d := NewDecoder()
	tpl := Template{Name: "x", Topic: "{site}/{room}/{device}/{metric}", Unit: "°F"}
	require.NoError(t, tpl.Check())
	plc := Template{Name: "plc", Topic: "plc/+/#", Device: "press", Fields: []Field{{Path: "a[1].b", Metric: "pressure", Unit: "bar", Scale: 0.5}}}
	require.NoError(t, plc.Check())
	d.SetTemplates([]Template{plc, tpl})
	r := say(d, "hq/lab/freezer/probe/temperature", "32")
	require.Equal(t, map[string]float64{"probe_temperature_celsius": 0}, values(r))
	require.Equal(t, Info{Building: "hq", Room: "lab"}, r.Reports[0].Info)
	require.Equal(t, map[string]float64{"pressure_hectopascals": 1000}, values(say(d, "plc/1/x/y", `{"a":[0,{"b":2}]}`)))
	require.NotEmpty(t, say(d, "plc/1/x", `{"a":1}`).Problem)
	for _, bad := range []string{"", "{foo}/{device}", "a/#/{device}", "{device}/{device}", "x{device}", "{room}/x"} {
		require.Error(t, (&Template{Topic: bad}).Check(), bad)
	}
}

func TestTasmota(t *testing.T) {
	t.Parallel()
	d := NewDecoder()
	r := say(d, "tele/plug/SENSOR", `{"Time":"1970-01-01T00:00:09","ENERGY":{"Total":1.5,"Power":[5,6],"Factor":0.9},"DS18B20-1":{"Id":"0316","Temperature":68},"TempUnit":"F"}`)
	require.Equal(t, map[string]float64{"energy_kilowatt_hours": 1.5, "power_watts/phase_1": 5, "power_watts/phase_2": 6, "power_factor": 0.9, "temperature_celsius/ds18b20_1": 20}, values(r))
	require.Equal(t, 1970, r.Reports[0].At.Year())
	r = say(d, "stat/plug/RESULT", `{"POWER2":"ON"}`)
	require.Equal(t, map[string]float64{"switch/2": 1}, values(r))
	require.Equal(t, Command{Name: "power2", Kind: "switch", Topic: "cmnd/plug/POWER2", On: "ON", Off: "OFF", Echo: "switch/2"}, r.Reports[0].Commands[0])
	require.False(t, *say(d, "tele/plug/LWT", "Offline").Reports[0].Available)
}

func TestHomeAssistant(t *testing.T) {
	t.Parallel()
	d := NewDecoder()
	r := say(d, "homeassistant/sensor/esp1/esp1_outdoor/config", `{"~":"esp1","stat_t":"~/state","val_tpl":"{{ value_json.out['temp'] | round(1) }}","unit_of_meas":"°C","dev_cla":"temperature","avty_t":"~/status","dev":{"ids":["esp1"],"name":"ESP1","mf":"Acme","mdl":"E1","sw":"1.2","sa":"Lab"}}`)
	require.True(t, r.Remember)
	require.Equal(t, Info{Title: "ESP1", Maker: "Acme", Model: "E1", Firmware: "1.2", Room: "Lab"}, r.Reports[0].Info)
	say(d, "homeassistant/light/esp1/lamp/config", `{"cmd_t":"esp1/lamp/set","stat_t":"esp1/lamp","pl_on":"1","pl_off":"0","dev":{"ids":"esp1"}}`)
	require.Equal(t, map[string]float64{"temperature_celsius/outdoor": 7.5}, values(say(d, "esp1/state", `{"out":{"temp":7.5}}`)))
	require.Equal(t, map[string]float64{"switch/lamp": 1}, values(say(d, "esp1/lamp", "1")))
	require.True(t, *say(d, "esp1/status", "online").Reports[0].Available)
	require.NotEmpty(t, say(d, "homeassistant/sensor/x/config", `{"stat_t":"a","val_tpl":"{% if x %}1{% endif %}"}`).Problem)
	say(d, "homeassistant/light/esp1/lamp/config", "")
	require.False(t, say(d, "esp1/lamp", "1").Known)
}

// A payload of Sparkplug B.
type spm struct {
	name  string
	alias uint64
	kind  uint64
	value any
	unit  string
}

func sparkplugOf(seq uint64, ms ...spm) []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(noon.UnixMilli()))
	for _, m := range ms {
		var x []byte
		if m.name != "" {
			x = protowire.AppendString(protowire.AppendTag(x, 1, protowire.BytesType), m.name)
		}
		if m.alias > 0 {
			x = protowire.AppendVarint(protowire.AppendTag(x, 2, protowire.VarintType), m.alias)
		}
		x = protowire.AppendVarint(protowire.AppendTag(x, 4, protowire.VarintType), m.kind)
		if m.unit != "" {
			val := protowire.AppendString(protowire.AppendTag(nil, 8, protowire.BytesType), m.unit)
			p := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "engUnit")
			p = protowire.AppendBytes(protowire.AppendTag(p, 2, protowire.BytesType), val)
			x = protowire.AppendBytes(protowire.AppendTag(x, 9, protowire.BytesType), p)
		}
		switch v := m.value.(type) {
		case float64:
			x = protowire.AppendFixed64(protowire.AppendTag(x, 13, protowire.Fixed64Type), math.Float64bits(v))
		case float32:
			x = protowire.AppendFixed32(protowire.AppendTag(x, 12, protowire.Fixed32Type), math.Float32bits(v))
		case int:
			x = protowire.AppendVarint(protowire.AppendTag(x, 10, protowire.VarintType), uint64(uint32(int32(v))))
		case uint64:
			x = protowire.AppendVarint(protowire.AppendTag(x, 11, protowire.VarintType), v)
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), x)
	}
	return protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), seq)
}

func TestSparkplug(t *testing.T) {
	t.Parallel()
	d := NewDecoder()
	give := func(topic string, b []byte) Result {
		return d.Decode(Message{Topic: "spBv1.0/plant/" + topic, Data: b, At: noon})
	}
	// Data before the birth: the birth is asked for, once.
	r := give("DDATA/n1/press", sparkplugOf(3, spm{alias: 7, kind: 10, value: 1.0}))
	require.Equal(t, "spBv1.0/plant/NCMD/n1", r.Reply.Topic)
	require.Nil(t, give("DDATA/n1/press", sparkplugOf(4, spm{alias: 7, kind: 10, value: 1.0})).Reply)

	give("NBIRTH/n1", sparkplugOf(0, spm{name: "bdSeq", kind: 8, value: uint64(5)}))
	r = give("DBIRTH/n1/press", sparkplugOf(1, spm{name: "Oil/Temperature", alias: 7, kind: 10, value: 50.0, unit: "°C"}, spm{name: "Steps", alias: 8, kind: 3, value: -4}))
	require.Equal(t, map[string]float64{"oil_temperature_celsius": 50, "steps": -4}, values(r))
	require.True(t, r.Remember)
	r = give("DDATA/n1/press", sparkplugOf(2, spm{alias: 7, kind: 9, value: float32(51.5)}))
	require.Equal(t, map[string]float64{"oil_temperature_celsius": 51.5}, values(r))
	require.Equal(t, noon, r.Reports[0].At)
	require.NotEmpty(t, give("DDATA/n1/press", sparkplugOf(9, spm{alias: 7, kind: 10, value: 1.0})).Problem, "messages were missed")
	require.Empty(t, give("NDEATH/n1", sparkplugOf(0, spm{name: "bdSeq", kind: 8, value: uint64(4)})).Reports, "the will of an earlier session")
	r = give("NDEATH/n1", sparkplugOf(0, spm{name: "bdSeq", kind: 8, value: uint64(5)}))
	require.Len(t, r.Reports, 2)
	require.False(t, *r.Reports[1].Available)
}

func FuzzDecode(f *testing.F) {
	for _, s := range [][2]string{
		{"devices/a", `{"temp":21,"n":{"x":1}}`},
		{"tele/p/SENSOR", `{"ENERGY":{"Power":[5,6]},"TempUnit":"F"}`},
		{"stat/p/POWER1", "ON"},
		{"zigbee2mqtt/bridge/devices", `[{"friendly_name":"l","definition":{"exposes":[{"features":[{"property":"state"}]}]}}]`},
		{"zigbee2mqtt/l", `{"state":"ON"}`},
		{"homeassistant/sensor/a/config", `{"stat_t":"s","val_tpl":"{{ value_json.a[0]['x'] }}"}`},
		{"s", `{"a":[{"x":1}]}`},
		{"t/r/d/m", "1"},
		{"spBv1.0/g/NBIRTH/n", string(sparkplugOf(0, spm{name: "a", alias: 1, kind: 10, value: 1.0, unit: "V"}))},
		{"spBv1.0/g/NDATA/n", string(sparkplugOf(1, spm{alias: 1, kind: 10, value: 1.0}))},
	} {
		f.Add(s[0], []byte(s[1]))
	}
	f.Fuzz(func(t *testing.T, topic string, data []byte) {
		d := NewDecoder()
		d.SetTemplates([]Template{{Name: "t", Topic: "t/{room}/{device}/{metric}"}, {Name: "f", Topic: "f/#", Device: "d", Fields: []Field{{Path: topic, Metric: "x"}}}})
		for _, tp := range []string{topic, "f/x", "t/a/b/c"} {
			for _, rep := range d.Decode(Message{Topic: tp, Data: data, At: noon}).Reports {
				for _, v := range rep.Values {
					if v.Name == "" || math.IsNaN(v.Number) || math.IsInf(v.Number, 0) {
						t.Fatalf("%+v", v)
					}
				}
			}
		}
	})
}

package payload

import (
	"slices"
	"strings"
)

// tasmota understands <prefix>/<topic>/… and <topic>/<prefix>/…, with the prefixes
// tele, stat and cmnd (Tasmota documentation, "MQTT").
func tasmota(m Message) (Result, bool) {
	levels := strings.Split(m.Topic, "/")
	if len(levels) < 3 {
		return Result{}, false
	}
	i := slices.IndexFunc(levels[:len(levels)-1], func(l string) bool { return l == "tele" || l == "stat" || l == "cmnd" })
	if i < 0 {
		return Result{}, false
	}
	prefix, what := levels[i], levels[len(levels)-1]
	name := strings.Join(slices.Delete(slices.Clone(levels[:len(levels)-1]), i, i+1), "/")
	if prefix == "cmnd" || name == "" {
		return Result{}, true
	}
	rep := Report{Device: "tasmota/" + name, Name: name, Format: "tasmota"}
	cmnd := slices.Clone(levels[:len(levels)-1])
	cmnd[i] = "cmnd"
	base := strings.Join(cmnd, "/")
	power := func(key string, n float64) {
		v := measure("switch", sensorOf(key), "", n)
		rep.add(v)
		rep.Commands = append(rep.Commands, Command{Name: strings.ToLower(key), Kind: "switch", Topic: base + "/" + key, On: "ON", Off: "OFF", Echo: EchoOf(v)})
	}
	switch {
	case what == "LWT":
		up := strings.EqualFold(string(m.Data), "online")
		rep.Available = &up
	case isPower(what):
		n, ok := onOff(strings.ToLower(string(m.Data)))
		if !ok {
			return Result{Problem: "The state of the relay is neither ON nor OFF."}, true
		}
		power(what, n)
	default:
		obj, err := object(m.Data)
		if err != nil {
			return Result{Problem: "It is no JSON object."}, true
		}
		if what != "SENSOR" && what != "STATE" && what != "RESULT" && !strings.HasPrefix(what, "INFO") && !strings.HasPrefix(what, "STATUS") {
			return Result{}, true
		}
		rep.tasmotaObject(obj, power)
	}
	return Result{Reports: []Report{rep}}, true
}

func isPower(s string) bool {
	rest, ok := strings.CutPrefix(s, "POWER")
	return ok && strings.Trim(rest, "0123456789") == "" && len(rest) <= 2
}

func sensorOf(power string) string { return strings.TrimPrefix(power, "POWER") }

// EchoOf names a value as Command.Echo does.
func EchoOf(v Value) string {
	if v.Sensor == "" {
		return v.Name
	}
	return v.Name + "/" + v.Sensor
}

func (r *Report) tasmotaObject(obj map[string]any, power func(string, float64)) {
	unit, _ := obj["TempUnit"].(string)
	pressure, _ := obj["PressureUnit"].(string)
	keys := make([]string, 0, len(obj))
	for k := range obj {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		v := obj[k]
		switch x := v.(type) {
		case map[string]any:
			switch {
			case k == "ENERGY" || k == "Energy":
				r.energy(x)
			case k == "Wifi":
				if n, ok := x["RSSI"].(float64); ok {
					r.add(measure("signal", "", "%", n))
				}
				if n, ok := x["Signal"].(float64); ok {
					r.add(measure("rssi", "", "dBm", n))
				}
			case strings.HasPrefix(k, "Info") || strings.HasPrefix(k, "Status"):
				r.tasmotaInfo(x)
				if k == "StatusSNS" || k == "StatusSTS" {
					r.tasmotaObject(x, power)
				}
			default:
				for _, name := range sortedKeys(x) {
					if n, ok := x[name].(float64); ok {
						u := ""
						switch name {
						case "Temperature", "DewPoint":
							u = unit
						case "Pressure", "SeaPressure":
							u = pressure
						}
						r.add(measure(name, k, u, n))
					}
				}
			}
		default:
			switch {
			case k == "Time":
				if t, ok := clock(v); ok {
					r.At = t
				}
			case isPower(k):
				if s, ok := v.(string); ok {
					if n, ok := onOff(strings.ToLower(s)); ok {
						power(k, n)
					}
				}
			case k == "Dimmer":
				if n, ok := v.(float64); ok {
					r.add(measure("brightness", "", "%", n))
				}
			case k == "UptimeSec":
				if n, ok := v.(float64); ok {
					r.add(measure("uptime", "", "s", n))
				}
			case k == "Version":
				r.Info.Maker, r.Info.Firmware = "Tasmota", text1(v)
			}
		}
	}
}

func (r *Report) tasmotaInfo(x map[string]any) {
	for k, v := range x {
		switch k {
		case "Module":
			r.Info.Model = text1(v)
		case "Version":
			r.Info.Firmware = text1(v)
		case "Mac":
			r.Info.Serial = text1(v)
		}
	}
}

func (r *Report) energy(x map[string]any) {
	for _, f := range []struct{ key, name, unit string }{
		{"Total", "energy", "kWh"},
		{"Today", "energy_today", "kWh"},
		{"Yesterday", "energy_yesterday", "kWh"},
		{"Power", "power", "W"},
		{"ApparentPower", "apparent_power", "VA"},
		{"ReactivePower", "reactive_power", "var"},
		{"Factor", "power_factor", ""},
		{"Voltage", "voltage", "V"},
		{"Current", "current", "A"},
		{"Frequency", "frequency", "Hz"},
	} {
		switch v := x[f.key].(type) {
		case float64:
			r.add(measure(f.name, "", f.unit, v))
		case []any: // one for each phase
			for i, p := range v {
				if n, ok := p.(float64); ok && i < 3 {
					r.add(measure(f.name, "phase_"+string(rune('1'+i)), f.unit, n))
				}
			}
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package payload

import (
	"encoding/json"
	"strings"
)

type zigbeeDevice struct {
	info     Info
	units    map[string]string
	onOff    map[string][2]string // property: payloads of on and off
	commands []Command
}

// zigbee2mqtt understands <base>/… of a base topic that is zigbee2mqtt or of which a
// bridge was heard (Zigbee2MQTT documentation, "MQTT topics and messages").
func (d *Decoder) zigbee2mqtt(m Message) (Result, bool) {
	base, rest, ok := strings.Cut(m.Topic, "/")
	if !ok {
		return Result{}, false
	}
	d.mu.RLock()
	known := d.zigbee[base] != nil
	d.mu.RUnlock()
	bridge := rest == "bridge/state" || rest == "bridge/devices" || rest == "bridge/info"
	if !known && !bridge && base != "zigbee2mqtt" {
		return Result{}, false
	}
	switch {
	case rest == "bridge/devices":
		return d.bridgeDevices(base, m.Data), true
	case strings.HasPrefix(rest, "bridge/"):
		d.base(base)
		return Result{}, true
	case strings.HasSuffix(rest, "/set"), strings.HasSuffix(rest, "/get"), strings.Contains(rest, "/set/"):
		return Result{}, true
	}
	name, availability := strings.CutSuffix(rest, "/availability")
	rep := Report{Device: base + "/" + name, Name: name, Format: "zigbee2mqtt"}
	if availability {
		s := strings.Trim(string(m.Data), `"`)
		if obj, err := object(m.Data); err == nil {
			s, _ = obj["state"].(string)
		}
		up := s == "online"
		rep.Available = &up
		return Result{Reports: []Report{rep}}, true
	}
	obj, err := object(m.Data)
	if err != nil {
		return Result{Problem: "It is no JSON object."}, true
	}
	d.mu.RLock()
	dev := d.zigbee[base][name]
	d.mu.RUnlock()
	rep.zigbeeState(obj, dev, base+"/"+name)
	return Result{Reports: []Report{rep}}, true
}

func (d *Decoder) base(base string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.zigbee[base] == nil && len(d.zigbee) < 1000 {
		d.zigbee[base] = map[string]*zigbeeDevice{}
	}
}

func (r *Report) zigbeeState(obj map[string]any, dev *zigbeeDevice, topic string) {
	if dev != nil {
		r.Info, r.Commands = dev.info, dev.commands
	}
	for _, k := range sortedKeys(obj) {
		v := obj[k]
		if k == "last_seen" {
			if t, ok := clock(v); ok {
				r.At = t
			}
			continue
		}
		if dev != nil {
			if s, ok := v.(string); ok {
				if oo, ok := dev.onOff[k]; ok && (s == oo[0] || s == oo[1]) {
					v = s == oo[0]
				}
			}
		}
		if nested, ok := v.(map[string]any); ok {
			for _, n := range sortedKeys(nested) {
				if x, ok := nested[n].(float64); ok && k != "update" {
					r.add(measure(k+"_"+n, "", "", x))
				}
			}
			continue
		}
		n, ok := figure(v)
		if !ok {
			continue
		}
		u := ""
		if dev != nil {
			u = dev.units[k]
		}
		// Battery devices tell millivolts.
		if k == "voltage" && u == "" && n > 1000 {
			u = "mV"
		}
		name, sensor := k, ""
		if k == "state" {
			name = "switch"
		} else if rest, ok := strings.CutPrefix(k, "state_"); ok && rest != "" {
			name, sensor = "switch", rest
		}
		val := measure(name, sensor, u, n)
		r.add(val)
		if dev == nil && name == "switch" {
			r.Commands = append(r.Commands, zigbeeSwitch(topic, k, val))
		}
	}
}

func zigbeeSwitch(topic, key string, v Value) Command {
	on, _ := json.Marshal(map[string]string{key: "ON"})   // a map of texts
	off, _ := json.Marshal(map[string]string{key: "OFF"}) // cannot fail
	return Command{Name: key, Kind: "switch", Topic: topic + "/set", On: string(on), Off: string(off), Echo: EchoOf(v)}
}

type zigbeeExpose struct {
	Type, Name, Property, Unit string
	Access                     int
	ValueOn                    any             `json:"value_on"`
	ValueOff                   any             `json:"value_off"`
	ValueMin                   float64         `json:"value_min"`
	ValueMax                   float64         `json:"value_max"`
	Features                   json.RawMessage `json:"features"`
}

func (d *Decoder) bridgeDevices(base string, data []byte) Result {
	var list []struct {
		Friendly   string `json:"friendly_name"`
		IEEE       string `json:"ieee_address"`
		Type       string `json:"type"`
		Firmware   string `json:"software_build_id"`
		Definition *struct {
			Model, Vendor, Description string
			Exposes                    []zigbeeExpose
		}
	}
	if len(data) > 4<<20 || json.Unmarshal(data, &list) != nil {
		return Result{Problem: "The list of devices of the bridge cannot be read."}
	}
	devs := map[string]*zigbeeDevice{}
	out := Result{Remember: true}
	for i := range list {
		l := &list[i]
		if l.Type == "Coordinator" || l.Friendly == "" || len(devs) >= 2000 {
			continue
		}
		dev := &zigbeeDevice{units: map[string]string{}, onOff: map[string][2]string{}}
		dev.info = Info{Title: Clip(l.Friendly, maxName), Serial: Clip(l.IEEE, maxName), Firmware: Clip(l.Firmware, maxName), Via: base}
		if f := l.Definition; f != nil {
			dev.info.Maker, dev.info.Model = Clip(f.Vendor, maxName), Clip(f.Model, maxName)
			dev.exposes(base+"/"+l.Friendly, f.Exposes, "", 0)
		}
		devs[l.Friendly] = dev
		out.Reports = append(out.Reports, Report{Device: base + "/" + l.Friendly, Name: l.Friendly, Format: "zigbee2mqtt", Info: dev.info, Commands: dev.commands})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.zigbee[base] != nil || len(d.zigbee) < 1000 {
		d.zigbee[base] = devs
	}
	return out
}

// exposes reads what a device has. Bit 2 of access says that it may be set.
func (z *zigbeeDevice) exposes(topic string, es []zigbeeExpose, within string, depth int) {
	if depth > 3 {
		return
	}
	for _, e := range es {
		if len(e.Features) > 0 {
			var fs []zigbeeExpose
			if json.Unmarshal(e.Features, &fs) == nil {
				z.exposes(topic, fs, e.Type, depth+1)
			}
			continue
		}
		if e.Property == "" || len(z.units) > maxValues {
			continue
		}
		z.units[e.Property] = e.Unit
		on, isText := e.ValueOn.(string)
		off, _ := e.ValueOff.(string)
		if e.Type == "binary" && isText {
			z.onOff[e.Property] = [2]string{on, off}
		}
		if e.Access&2 == 0 || len(z.commands) >= 50 {
			continue
		}
		name, sensor := e.Property, ""
		if e.Property == "state" {
			name = "switch"
		} else if rest, ok := strings.CutPrefix(e.Property, "state_"); ok {
			name, sensor = "switch", rest
		}
		echo := EchoOf(measure(name, sensor, e.Unit, 0))
		switch {
		case e.Type == "binary" && e.ValueOn != nil:
			a, _ := json.Marshal(map[string]any{e.Property: e.ValueOn}) // came out of JSON
			b, _ := json.Marshal(map[string]any{e.Property: e.ValueOff})
			kind := "switch"
			if within == "light" {
				kind = "light"
			}
			z.commands = append(z.commands, Command{Name: e.Property, Kind: kind, Topic: topic + "/set", On: string(a), Off: string(b), Echo: echo})
		case e.Type == "numeric" && e.ValueMax > e.ValueMin:
			key, _ := json.Marshal(e.Property) // a text
			z.commands = append(z.commands, Command{Name: e.Property, Kind: "number", Topic: topic + "/set", Template: "{" + string(key) + ":{value}}", Min: e.ValueMin, Max: e.ValueMax, Echo: echo})
		}
	}
}

package payload

import (
	"encoding/json"
	"regexp"
	"strings"
)

// entity is one thing of a device that Home Assistant discovery announced.
type entity struct {
	component, device, name string
	state, available, path  string
	whole                   bool // the payload is the value
	class, object, unit     string
	on, off                 string
	up, down                string
	info                    Info
	command                 *Command
}

// long are the names that stand behind the abbreviations (Home Assistant
// documentation, "MQTT Discovery").
var long = map[string]string{
	"stat_t": "state_topic", "cmd_t": "command_topic", "val_tpl": "value_template", "stat_val_tpl": "state_value_template", "unit_of_meas": "unit_of_measurement", "dev_cla": "device_class",
	"dev": "device", "avty_t": "availability_topic", "avty": "availability", "pl_on": "payload_on", "pl_off": "payload_off", "pl_avail": "payload_available",
	"pl_not_avail": "payload_not_available", "uniq_id": "unique_id", "obj_id": "object_id", "stat_on": "state_on", "stat_off": "state_off",
	"ids": "identifiers", "mf": "manufacturer", "mdl": "model", "sw": "sw_version", "sa": "suggested_area", "cns": "connections", "sn": "serial_number", "t": "topic",
}

func expand(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		if l, ok := long[k]; ok {
			k = l
		}
		out[k] = v
	}
	return out
}

// simple are the templates that are understood: the value, or a member of it, with
// filters that do not change what it is.
var simple = regexp.MustCompile(`^\{\{-?\s*(value|value_json((?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:'[^']*'|"[^"]*"|[0-9]+)\])*))\s*(?:\|\s*(?:float|int|round|is_defined)\s*(?:\([0-9., ]*\))?\s*)*-?\}\}$`)

// discovery reads homeassistant/<component>/[<node>/]<object>/config.
func (d *Decoder) discovery(m Message) Result {
	levels := strings.Split(m.Topic, "/")
	if levels[len(levels)-1] != "config" || len(levels) < 4 || len(levels) > 5 {
		return Result{Known: true}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(m.Topic)
	if len(m.Data) == 0 {
		return Result{Known: true, Remember: true}
	}
	obj, err := object(m.Data)
	if err != nil {
		return Result{Known: true, Problem: "The announcement is no JSON object."}
	}
	e, problem := newEntity(levels, expand(obj))
	if problem != "" {
		return Result{Known: true, Problem: problem}
	}
	// What Zigbee2MQTT says is understood without the announcement.
	if base, _, _ := strings.Cut(e.state, "/"); d.zigbee[base] != nil || base == "zigbee2mqtt" {
		return Result{Known: true}
	}
	if len(d.configs) >= maxRemembered {
		return Result{Known: true, Problem: "Too many devices were announced."}
	}
	d.configs[m.Topic] = e
	if e.state != "" {
		d.entities[e.state] = append(d.entities[e.state], e)
	}
	if e.available != "" {
		d.available[e.available] = append(d.available[e.available], e)
	}
	rep := Report{Device: e.device, Name: e.name, Format: "homeassistant", Info: e.info}
	if e.command != nil {
		rep.Commands = []Command{*e.command}
	}
	return Result{Known: true, Remember: true, Reports: []Report{rep}}
}

// forget drops an announcement. d.mu is held.
func (d *Decoder) forget(topic string) {
	old := d.configs[topic]
	if old == nil {
		return
	}
	delete(d.configs, topic)
	drop := func(by map[string][]*entity, key string) {
		var keep []*entity
		for _, e := range by[key] {
			if e != old {
				keep = append(keep, e)
			}
		}
		if by[key] = keep; len(keep) == 0 {
			delete(by, key)
		}
	}
	drop(d.entities, old.state)
	drop(d.available, old.available)
}

func newEntity(levels []string, c map[string]any) (*entity, string) {
	base := text1(c["~"])
	get := func(k string) string {
		s := text1(c[k])
		if base != "" {
			if rest, ok := strings.CutPrefix(s, "~"); ok {
				s = base + rest
			} else if rest, ok := strings.CutSuffix(s, "~"); ok {
				s = rest + base
			}
		}
		return s
	}
	e := &entity{component: levels[1], object: levels[len(levels)-2], state: get("state_topic"), available: get("availability_topic"), class: get("device_class"), unit: get("unit_of_measurement"), up: "online", down: "offline"}
	dev := map[string]any{}
	if m, ok := c["device"].(map[string]any); ok {
		dev = expand(m)
	}
	key := text1(dev["identifiers"])
	if l, ok := dev["identifiers"].([]any); ok && len(l) > 0 {
		key = text1(l[0])
	}
	if key == "" && len(levels) == 5 {
		key = levels[2]
	}
	if key == "" {
		key = e.object
	}
	e.device, e.name = "homeassistant/"+key, text1(dev["name"])
	if e.name == "" {
		e.name = key
	}
	e.info = Info{Title: e.name, Maker: text1(dev["manufacturer"]), Model: text1(dev["model"]), Firmware: text1(dev["sw_version"]), Serial: text1(dev["serial_number"]), Room: text1(dev["suggested_area"])}
	if l, ok := c["availability"].([]any); ok && len(l) > 0 {
		if a, ok := l[0].(map[string]any); ok {
			c2 := expand(a)
			c2["~"] = c["~"]
			e.available = strings.Replace(text1(c2["topic"]), "~", base, 1)
			if s := text1(c2["payload_available"]); s != "" {
				e.up, e.down = s, text1(c2["payload_not_available"])
			}
		}
	}
	if s := get("payload_available"); s != "" {
		e.up = s
	}
	tpl := strings.TrimSpace(text1(c["value_template"]))
	if tpl == "" {
		tpl = strings.TrimSpace(text1(c["state_value_template"]))
	}
	e.whole = tpl == ""
	if tpl != "" {
		m := simple.FindStringSubmatch(tpl)
		if m == nil {
			return nil, "The value_template of " + e.object + " is not one of those that are understood, such as {{ value_json.temperature }}."
		}
		e.whole, e.path = m[1] == "value", strings.TrimPrefix(m[2], ".")
	}
	e.on, e.off = first(get("state_on"), get("payload_on"), "ON"), first(get("state_off"), get("payload_off"), "OFF")
	e.commandOf(c, get)
	return e, ""
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// value names what the entity measures.
func (e *entity) value(n float64) Value {
	name, sensor := Word(e.object), ""
	if own := Word(e.name); strings.HasPrefix(name, own+"_") {
		name = name[len(own)+1:]
	}
	switch {
	case e.component == "switch" || e.component == "light":
		sensor, name = name, "switch"
	case e.class != "" && Word(e.class) != name && !strings.HasSuffix(name, "_"+Word(e.class)):
		sensor, name = name, e.class
	case e.class != "":
		name = e.class
	}
	return measure(name, sensor, e.unit, n)
}

func (e *entity) commandOf(c map[string]any, get func(string) string) {
	topic := get("command_topic")
	if !goodCommandTopic(topic) {
		return
	}
	cmd := Command{Name: e.object, Topic: topic, Echo: EchoOf(e.value(0)), On: first(get("payload_on"), "ON"), Off: first(get("payload_off"), "OFF")}
	switch e.component {
	case "switch":
		cmd.Kind = "switch"
	case "light":
		cmd.Kind = "light"
		if get("schema") == "json" {
			cmd.On, cmd.Off = `{"state":"ON"}`, `{"state":"OFF"}`
			e.whole, e.path = false, "state"
		}
	case "number":
		cmd.Kind, cmd.On, cmd.Off, cmd.Template, cmd.Min, cmd.Max = "number", "", "", "{value}", 1, 100
		if n, ok := c["min"].(float64); ok {
			cmd.Min = n
		}
		if n, ok := c["max"].(float64); ok {
			cmd.Max = n
		}
	default:
		return
	}
	e.command = &cmd
}

func goodCommandTopic(t string) bool {
	return t != "" && !strings.ContainsAny(t, "+#\x00") && t[0] != '$'
}

// homeAssistant understands topics that were announced.
func (d *Decoder) homeAssistant(m Message) (Result, bool) {
	d.mu.RLock()
	es, as := d.entities[m.Topic], d.available[m.Topic]
	d.mu.RUnlock()
	if len(es) == 0 && len(as) == 0 {
		return Result{}, false
	}
	var out Result
	find := func(e *entity) *Report {
		for i := range out.Reports {
			if out.Reports[i].Device == e.device {
				return &out.Reports[i]
			}
		}
		out.Reports = append(out.Reports, Report{Device: e.device, Name: e.name, Format: "homeassistant", Info: e.info})
		return &out.Reports[len(out.Reports)-1]
	}
	for _, e := range as {
		if s := string(m.Data); s == e.up || s == e.down {
			up := s == e.up
			find(e).Available = &up
		}
	}
	var v any
	parsed := false
	for _, e := range es {
		var x any = string(m.Data)
		if !e.whole {
			if !parsed {
				parsed = true
				if deep(m.Data) || json.Unmarshal(m.Data, &v) != nil {
					v = nil
				}
			}
			var ok bool
			if x, ok = at(v, e.path); !ok {
				continue
			}
		}
		n, ok := figure(x)
		if s, text := x.(string); text && (s == e.on || s == e.off) {
			n, ok = 0, true
			if s == e.on {
				n = 1
			}
		}
		if ok {
			find(e).add(e.value(n))
		}
	}
	if len(out.Reports) == 0 {
		out.Problem = "Nothing in it is a figure that was announced."
	}
	return out, true
}

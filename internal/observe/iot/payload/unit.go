package payload

import (
	"strings"
	"unicode"
)

// unit is how a unit is stored: number*scale+offset, in the unit of that name.
type unit struct {
	name          string
	scale, offset float64
}

// unitOf normalizes a unit as devices write it. One that is not known keeps its
// letters.
func unitOf(s string) unit {
	u := strings.TrimSpace(s)
	switch strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(u, "µ", "u"), "μ", "u")) {
	case "":
		return unit{"", 1, 0}
	case "°c", "c", "celsius", "degc", "℃":
		return unit{"celsius", 1, 0}
	case "°f", "f", "fahrenheit", "degf", "℉":
		return unit{"celsius", 5.0 / 9, -160.0 / 9}
	case "k", "kelvin":
		return unit{"celsius", 1, -273.15}
	case "%", "percent", "%rh", "pct":
		return unit{"percent", 1, 0}
	case "w", "watt", "watts":
		return unit{"watts", 1, 0}
	case "kw":
		return unit{"watts", 1000, 0}
	case "mw":
		if u == "MW" {
			return unit{"watts", 1e6, 0}
		}
		return unit{"watts", 0.001, 0}
	case "wh":
		return unit{"kilowatt_hours", 0.001, 0}
	case "kwh":
		return unit{"kilowatt_hours", 1, 0}
	case "mwh":
		return unit{"kilowatt_hours", 1000, 0}
	case "v", "volt", "volts":
		return unit{"volts", 1, 0}
	case "mv":
		return unit{"volts", 0.001, 0}
	case "a", "ampere":
		return unit{"amperes", 1, 0}
	case "ma":
		return unit{"amperes", 0.001, 0}
	case "hz":
		return unit{"hertz", 1, 0}
	case "pa":
		return unit{"hectopascals", 0.01, 0}
	case "hpa", "mbar":
		return unit{"hectopascals", 1, 0}
	case "kpa":
		return unit{"hectopascals", 10, 0}
	case "bar":
		return unit{"hectopascals", 1000, 0}
	case "inhg":
		return unit{"hectopascals", 33.8638866667, 0}
	case "lx", "lux":
		return unit{"lux", 1, 0}
	case "ppm":
		return unit{"ppm", 1, 0}
	case "ppb":
		return unit{"ppb", 1, 0}
	case "ug/m3", "ug/m³":
		return unit{"micrograms_per_cubic_meter", 1, 0}
	case "m3", "m³":
		return unit{"cubic_meters", 1, 0}
	case "l":
		return unit{"liters", 1, 0}
	case "db":
		return unit{"decibels", 1, 0}
	case "dbm":
		return unit{"dbm", 1, 0}
	case "s", "sec", "seconds":
		return unit{"seconds", 1, 0}
	case "ms":
		return unit{"seconds", 0.001, 0}
	case "min":
		return unit{"seconds", 60, 0}
	case "h":
		return unit{"seconds", 3600, 0}
	case "m/s":
		return unit{"meters_per_second", 1, 0}
	case "km/h":
		return unit{"meters_per_second", 1 / 3.6, 0}
	case "mm":
		return unit{"meters", 0.001, 0}
	case "cm":
		return unit{"meters", 0.01, 0}
	case "m":
		return unit{"meters", 1, 0}
	case "lqi":
		return unit{"", 1, 0}
	}
	return unit{Word(u), 1, 0}
}

// usual are names that mean the same everywhere, and the unit that they have unless
// the device says another.
var usual = map[string][2]string{
	"temperature": {"temperature", "°C"}, "temp": {"temperature", "°C"}, "t": {"temperature", "°C"},
	"device_temperature": {"device_temperature", "°C"}, "dewpoint": {"dew_point", "°C"}, "dew_point": {"dew_point", "°C"},
	"humidity": {"humidity", "%"}, "hum": {"humidity", "%"}, "soil_moisture": {"soil_moisture", "%"},
	"pressure": {"pressure", "hPa"}, "illuminance": {"illuminance", "lx"}, "illuminance_lux": {"illuminance", "lx"},
	"battery": {"battery", "%"}, "batt": {"battery", "%"}, "battery_level": {"battery", "%"}, "battery_percent": {"battery", "%"},
	"voltage": {"voltage", "V"}, "current": {"current", "A"}, "power": {"power", "W"}, "energy": {"energy", "kWh"},
	"energy_total": {"energy", "kWh"}, "frequency": {"frequency", "Hz"},
	"co2": {"co2", "ppm"}, "voc": {"voc", "ppb"}, "pm25": {"pm25", "µg/m³"}, "pm2_5": {"pm25", "µg/m³"}, "pm10": {"pm10", "µg/m³"},
	"linkquality": {"link_quality", ""}, "link_quality": {"link_quality", ""}, "lqi": {"link_quality", ""}, "rssi": {"rssi", "dBm"},
	"noise": {"noise", "dB"}, "occupancy": {"occupancy", ""}, "presence": {"occupancy", ""}, "motion": {"motion", ""},
	"local_temperature": {"temperature", "°C"},
}

// measure names and scales a figure. A unit that the device tells goes before the
// usual one of the name.
func measure(name, sensor, told string, n float64) Value {
	w := Word(name)
	if u, ok := usual[w]; ok {
		w = u[0]
		if told == "" {
			told = u[1]
		}
	}
	if w == "" {
		w = "value"
	}
	u := unitOf(told)
	if u.name != "" && w != u.name && !strings.HasSuffix(w, "_"+u.name) {
		w += "_" + u.name
	}
	return Value{Name: w, Sensor: Word(sensor), Number: n*u.scale + u.offset}
}

// Word makes a name of small letters, digits and underscores; camelCase is taken
// apart.
func Word(s string) string {
	var b strings.Builder
	last := '_'
	rs := []rune(s)
	for i, r := range rs {
		switch {
		case unicode.IsUpper(r):
			if i > 0 && unicode.IsLower(rs[i-1]) && last != '_' {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
			if r > 127 {
				r = '_'
			}
		case r > 127, !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		}
		if r == '_' && last == '_' {
			continue
		}
		b.WriteRune(r)
		last = r
		if b.Len() >= maxName {
			break
		}
	}
	return strings.Trim(b.String(), "_")
}

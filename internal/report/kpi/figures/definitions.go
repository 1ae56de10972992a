package figures

// Definition says what a figure means, so that two people read it alike.
type Definition struct {
	Key        string `json:"key"`
	Title      string `json:"title"`
	Formula    string `json:"formula"`
	Clock      string `json:"clock"`
	Source     string `json:"source"`
	Population string `json:"population"`
}

// Definitions lists the figures in the order in which pages show them.
func Definitions() []Definition {
	const (
		calendar = "Calendar time, all hours of all days."
		checks   = "Results of the checks of the item and of what it needs."
		stamps   = "Timestamps of the incidents on the item and on what it needs."
		counted  = "Incidents whose impact began in the period and that have both times."
	)
	return []Definition{
		{"availability", "Availability", "up / (up + down), from 0 to 1. Planned maintenance, no data, unreachable and unknown count as neither. A warning counts as up.", calendar, checks, "All seconds of the period that were measured outside planned maintenance."},
		{"downtime", "Downtime", "Sum of the time in which at least one check was in a critical outage. An outage begins with the first result that was not ok and ends with the first that is ok; outages that overlap count once.", calendar, checks, "All seconds of the period outside planned maintenance and gaps in the data."},
		{"incidents", "Incidents", "Number of incidents whose impact began in the period.", calendar, stamps, "All incidents on the item and on what it needs."},
		{"failures", "Failures", "Number of outages that began in the period and count as down at least in part. Outages that overlap or touch are one failure.", calendar, checks, "Critical outages outside planned maintenance."},
		{"mttd", "MTTD, mean time to detect", "mean(detected - impact began)", calendar, stamps, counted},
		{"mtta", "MTTA, mean time to acknowledge", "mean(acknowledged - detected)", calendar, stamps, counted},
		{"mttr", "MTTR, mean time to recovery", "mean(restored - impact began): the whole outage", calendar, stamps, counted},
		{"mttr_respond", "MTTR, mean time from detection to restored", "mean(restored - detected)", calendar, stamps, counted},
		{"mttr_repair", "MTTR, mean time to repair", "mean(restored - work began)", calendar, stamps, counted},
		{"mttr_resolve", "MTTR, mean time to resolve", "mean(resolved - impact began), confirmation included", calendar, stamps, counted},
		{"mtbf", "MTBF, mean time between failures", "up / failures", calendar, checks, "All failures of the period. Planned maintenance is neither up nor a failure."},
	}
}

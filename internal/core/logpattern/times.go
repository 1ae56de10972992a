package logpattern

// timeAt gives the end of a time at i, or -1. It knows dates with a time of day in
// numbers, the dates of syslog, ctime and web servers, klog, and seconds since 1970.
func timeAt(b []byte, i int) int {
	n := len(b)
	if i >= n {
		return -1
	}
	if b[i] == '[' {
		e := timeAt(b, i+1)
		if e > 0 && e < n && b[e] == ']' {
			return e + 1
		}
		return -1
	}
	c := classes[b[i]]
	if c&cLetter != 0 {
		return namedTime(b, i)
	}
	if c&cDigit == 0 {
		return -1
	}
	j := digits(b, i)
	switch k := j - i; {
	case k == 4 && j < n && (b[j] == '-' || b[j] == '/' || b[j] == '.'):
		return numericDate(b, j)
	case k <= 2 && j < n && (b[j] == '/' || b[j] == '-' || b[j] == '.'):
		return numericDate(b, j)
	case k <= 2 && j < n && b[j] == ':':
		return clock(b, i)
	case k == 6 && j < n && b[j] == ' ' && digits(b, j+1) == j+7 && clockDigits(b[j+1:j+7]):
		return end(b, j+7)
	case k == 8 && j < n && (b[j] == ' ' || b[j] == '-' || b[j] == 'T') && b[i] == '2' && b[i+1] == '0':
		if e := clock(b, j+1); e > 0 {
			return e
		}
		if digits(b, j+1) >= j+7 && clockDigits(b[j+1:j+7]) {
			return end(b, digits(b, j+1))
		}
	case (k == 10 || k == 13) && b[i] == '1' && (j == n || b[j] != '-'):
		if j < n && b[j] == '.' {
			j = digits(b, j+1)
		}
		return end(b, j)
	}
	return -1
}

// end accepts e only at the end of a word.
func end(b []byte, e int) int {
	if e < len(b) && classes[b[e]]&cBlank == 0 && b[e] != ']' && b[e] != '|' && b[e] != ':' && b[e] != ',' {
		return -1
	}
	return e
}

func digits(b []byte, i int) int {
	for i < len(b) && classes[b[i]]&cDigit != 0 {
		i++
	}
	return i
}

func clockDigits(w []byte) bool {
	return w[0] <= '2' && (w[0] < '2' || w[1] < '4') && w[2] < '6' && w[4] < '6'
}

// numericDate goes on behind the first part of a date; the time of day may be missing.
func numericDate(b []byte, i int) int {
	s := b[i]
	j := i + 1
	if s != '.' && j+3 <= len(b) && nameIn(months, b[j:j+3]) {
		j += 3
	} else {
		j = digits(b, j)
	}
	if j == i+1 || j >= len(b) || b[j] != s {
		return -1
	}
	k := digits(b, j+1)
	if k == j+1 || k-j > 5 {
		return -1
	}
	if k < len(b) && (b[k] == 'T' || b[k] == ' ' || b[k] == '-' || b[k] == ':' || b[k] == '_') {
		if e := clock(b, k+1); e > 0 {
			return e
		}
	}
	return end(b, k)
}

// clock takes hours, minutes, seconds with signs between them, a fraction and a zone.
func clock(b []byte, i int) int {
	j := digits(b, i)
	if j == i || j-i > 2 || j+2 >= len(b) || b[j] != ':' && b[j] != '.' {
		return -1
	}
	s := b[j]
	k := digits(b, j+1)
	if k != j+3 || k >= len(b) || b[k] != s {
		return -1
	}
	e := digits(b, k+1)
	if e != k+3 {
		return -1
	}
	if e+1 < len(b) && (b[e] == '.' || b[e] == ',') && classes[b[e+1]]&cDigit != 0 {
		e = digits(b, e+1)
	}
	return zone(b, e)
}

func zone(b []byte, e int) int {
	n := len(b)
	k := e
	if k < n && b[k] == ' ' {
		k++
	}
	if k < n && b[e] == 'Z' {
		return end(b, e+1)
	}
	if k+4 < n && (b[k] == '+' || b[k] == '-') && classes[b[k+1]]&cDigit != 0 {
		f := digits(b, k+1)
		if f < n && b[f] == ':' {
			f = digits(b, f+1)
		}
		if f-k >= 5 {
			return end(b, f)
		}
	}
	if k > e && k+3 <= n && (string(b[k:k+3]) == "UTC" || string(b[k:k+3]) == "GMT" || k+4 <= n && string(b[k:k+4]) == "CEST" || string(b[k:k+3]) == "CET") {
		return end(b, wordEnd(b, k))
	}
	return end(b, e)
}

// namedTime takes "Jun 14 15:16:01", "Sun Dec 04 04:47:44 2005", "2 Jan" is not one.
func namedTime(b []byte, i int) int {
	n := len(b)
	if i+3 > n {
		return -1
	}
	// klog: I0102 15:04:05.000000
	if (b[i] == 'I' || b[i] == 'W' || b[i] == 'E' || b[i] == 'F') && digits(b, i+1) == i+5 && i+6 < n && b[i+5] == ' ' {
		return clock(b, i+6)
	}
	if nameIn(days, b[i:i+3]) {
		i += 3
		if i < n && b[i] == ',' {
			i++
		}
		i = skipBlank(b, i)
		if i+3 > n {
			return -1
		}
		if classes[b[i]]&cDigit != 0 {
			return timeAt(b, i)
		}
	}
	if !nameIn(months, b[i:i+3]) {
		return -1
	}
	j := skipBlank(b, i+3)
	k := digits(b, j)
	if j == i+3 || k == j || k-j > 2 {
		return -1
	}
	j = skipBlank(b, k)
	if y := digits(b, j); y-j == 4 { // with the year, as Cisco has it
		j = skipBlank(b, y)
	}
	e := clock(b, j)
	if e < 0 {
		return -1
	}
	if y := skipBlank(b, e); y > e && digits(b, y) == y+4 && (b[y] == '1' || b[y] == '2') && end(b, y+4) > 0 {
		return y + 4
	}
	return e
}

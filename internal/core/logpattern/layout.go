package logpattern

// Learn looks at a sample of lines from one source for a header that cannot be seen in
// one line alone: lines that all have a time in the same column, behind columns of any
// kind. Without it such a header counts as part of the message.
func (m *Miner) Learn(sample [][]byte) {
	m.column, m.flag = -1, false
	const columns = 10
	var times, flags [columns]int
	n := 0
	for _, line := range sample {
		if len(line) == 0 || headerEnd(line) > 0 {
			continue
		}
		n++
		i := skipBlank(line, 0)
		for c := 0; c < columns && i < len(line); c++ {
			e := timeAt(line, i)
			if e < 0 {
				i = skipBlank(line, wordEnd(line, i))
				continue
			}
			times[c]++
			i = skipBlank(line, e)
			if j := wordEnd(line, i); j-i <= 6 && number(line[i:j]) {
				flags[c]++
			}
			break
		}
	}
	if n < 20 || n*2 < len(sample) {
		return
	}
	for c := range columns {
		if times[c]*100 >= n*95 {
			m.column, m.flag = c, flags[c]*100 >= n*95
			return
		}
	}
}

func number(w []byte) bool {
	if len(w) > 1 && w[0] == '-' {
		w = w[1:]
	}
	return digits(w, 0) == len(w) && len(w) > 0
}

// columnEnd gives the start of the message by the learned column, 0 if it does not fit.
func (m *Miner) columnEnd(b []byte) int {
	i := skipBlank(b, 0)
	for range m.column {
		i = skipBlank(b, wordEnd(b, i))
	}
	e := timeAt(b, i)
	if e < 0 {
		return 0
	}
	i = skipBlank(b, e)
	if m.flag {
		if j := wordEnd(b, i); number(b[i:j]) {
			i = skipBlank(b, j)
		}
	}
	return i
}

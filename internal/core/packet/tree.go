package packet

// Node is a field with the fields that belong to it, for a tree.
type Node struct {
	Name      string  `json:"name"`
	Label     string  `json:"label"`
	Value     string  `json:"value,omitempty"`
	Meaning   string  `json:"meaning,omitempty"` // the value in words
	Source    int     `json:"source,omitempty"`  // of Packet.Sources; 0 is the frame
	Start     int     `json:"start"`             // first byte in the source
	End       int     `json:"end"`               // behind the last byte
	Generated bool    `json:"generated,omitempty"`
	Fields    []*Node `json:"fields,omitempty"`
}

// Tree gives the fields as trees, one per layer. It does not refer to the packet.
func (p *Packet) Tree() []*Node {
	const most = 512 // bytes of a value in hexadecimal digits; the bytes pane has all
	var top []*Node
	var open []*Node
	for i := range p.Fields {
		f := &p.Fields[i]
		n := &Node{
			Name: f.Def.Name, Label: f.Def.Label, Value: f.Value(), Meaning: f.Meaning(), Source: int(f.Source),
			Start: int(f.Start), End: int(f.End), Generated: f.Generated,
		}
		if f.Def.Kind == Bytes && len(n.Value) > most {
			n.Value = n.Value[:most] + "…"
		}
		open = open[:min(int(f.Depth), len(open))]
		if len(open) == 0 {
			top = append(top, n)
		} else {
			parent := open[len(open)-1]
			parent.Fields = append(parent.Fields, n)
		}
		open = append(open, n)
	}
	return top
}

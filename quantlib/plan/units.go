package plan

import "github.com/quantnb/quantnb/quantlib/graph"

// Fused is the nodes that the device runs as one, chain by chain in the order of
// their first nodes; nodes that run alone are not in it.
func (m *Map) Fused() [][]*graph.Node {
	list := make([][]*graph.Node, len(m.chains))
	for i, c := range m.chains {
		list[i] = append([]*graph.Node(nil), c.nodes...)
	}
	return list
}

package format_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// parseText reads networks of one product: "in 3 out 2 weights 1 0 0 0 1 0 end".
func parseText(data []byte, dir string) (*graph.Graph, error) {
	var in, out int
	r := bytes.NewReader(data)
	if _, err := fmt.Fscanf(r, "in %d out %d weights", &in, &out); err != nil || in < 1 || out < 1 || in > 1000 || out > 1000 {
		return nil, fmt.Errorf("line 1: want \"in I out O weights\", 1 to 1000 each")
	}
	w := make([]float32, in*out)
	for i := range w {
		if _, err := fmt.Fscan(r, &w[i]); err != nil {
			return nil, fmt.Errorf("weight %d of %d is missing", i, len(w))
		}
	}
	var end string
	if fmt.Fscan(r, &end); end != "end" {
		return nil, fmt.Errorf("no end after %d weights", len(w))
	}
	dims := func(n int) []graph.Dim { return []graph.Dim{{Size: -1, Name: "N"}, {Size: n}} }
	return graph.New(graph.Parts{
		Model:   &graph.Model{Opsets: map[string]int{"": 13}},
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: dims(in)}},
		Outputs: []graph.Value{{Name: "y", DType: tensor.Float32, Ranked: true, Dims: dims(out)}},
		Consts:  []*graph.Const{{Name: "w", Tensor: tensor.Of(w, in, out)}},
		Nodes:   []*graph.Node{{Name: "product", Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
	})
}

// A format of one's own to read: the function that makes a graph of a file, and the
// extension that quantlib.Open knows it by. formattest.Parser tells what is wrong
// with it.
func ExampleRegisterParser() {
	format.RegisterParser(".product", parseText)

	g, err := parseText([]byte("in 3 out 2 weights 1 0 0 0 1 0 end"), "")
	fmt.Println(g.Nodes()[0], g.Const("w"), err)
	_, err = parseText([]byte("in 3 out 2 weights 1 0"), "")
	fmt.Println(err)
	// Output:
	// "product" (MatMul) float32[3 2] <nil>
	// weight 2 of 6 is missing
}

// exportTable writes a line for each quantizer.
func exportTable(w io.Writer, n *format.Network) error {
	var b strings.Builder
	for i, q := range n.Plan.Map().Quantizers {
		if s := n.Plan.Scheme(i); !s.IsFloat32() {
			fmt.Fprintf(&b, "%v %q %v scales %v\n", q.Role, q.Value, s, n.Params[i].Scale)
		}
	}
	fmt.Fprintln(&b, "end")
	_, err := io.WriteString(w, b.String())
	return err
}

// A format of one's own to write: the function that writes a quantized network, and
// the extension that Study.Export knows it by. formattest.Exporter tells what is
// wrong with it.
func ExampleRegisterExporter() {
	format.RegisterExporter(".table", exportTable)
	fmt.Println(slices.Contains(format.Exporters(), ".table"))
	// Output: true
}

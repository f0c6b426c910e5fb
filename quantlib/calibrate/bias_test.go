package calibrate

import (
	"errors"
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// biasedLayer is one layer with a bias after the input [N, 3, 4, 4].
func biasedLayer(t *testing.T, n *graph.Node, before []*graph.Node, consts ...*graph.Const) *graph.Graph {
	t.Helper()
	n.Name, n.Outputs = "layer", []string{"y"}
	in := graph.Value{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1}, {Size: 3}, {Size: 4}, {Size: 4}}}
	g, err := graph.New(graph.Parts{
		Model:  &graph.Model{Opsets: map[string]int{"": 17}},
		Inputs: []graph.Value{in}, Outputs: []graph.Value{{Name: "y", DType: tensor.Float32}},
		Consts: consts, Nodes: append(before, n),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBiasesHaveTheScaleOfTheAccumulator(t *testing.T) {
	flatten := func() []*graph.Node {
		return []*graph.Node{{Name: "f", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"flat"}}}
	}
	for _, c := range []struct {
		name   string
		node   *graph.Node
		before []*graph.Node
		w, b   *tensor.Tensor
		factor float64 // of s_x·s_w
	}{
		{"Conv", &graph.Node{Op: "Conv", Inputs: []string{"x", "w", "b"}}, nil, floats(1, 5, 3, 3, 3), floats(2, 5), 1},
		{"ConvTranspose in groups", &graph.Node{Op: "ConvTranspose", Inputs: []string{"x", "w", "b"}, Attrs: []graph.Attr{graph.IntAttr("group", 3)}},
			nil, floats(1, 3, 2, 2, 2), floats(2, 6), 1},
		{"Gemm", &graph.Node{Op: "Gemm", Inputs: []string{"flat", "w", "b"}}, flatten(), floats(1, 48, 7), floats(2, 7), 1},
		{"Gemm with a row of biases, alpha and beta", &graph.Node{Op: "Gemm", Inputs: []string{"flat", "w", "b"},
			Attrs: []graph.Attr{graph.FloatAttr("alpha", 0.5), graph.FloatAttr("beta", 2)}}, flatten(), floats(1, 48, 7), floats(2, 1, 7), 0.25},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := biasedLayer(t, c.node, c.before, &graph.Const{Name: "w", Tensor: c.w}, &graph.Const{Name: "b", Tensor: c.b})
			profile := hardware.Simulation()
			profile.Biases = quant.Int(32)
			s, m := setup(t, g, profile, 1)
			st := collect(t, s, m, noise(16), Config{})
			for _, p := range []plan.Plan{m.Uniform(4, 8), m.Uniform(8, 8).WithTie(m.Quantizers[m.Layers[0].Weight].Tie, quant.Int(8))} {
				x, err1 := st.Params(m.Layers[0].Activations[0], p.Scheme(m.Layers[0].Activations[0]), Methods{})
				w, err2 := st.Params(m.Layers[0].Weight, p.Scheme(m.Layers[0].Weight), Methods{})
				change, err3 := st.Change(p, Methods{})
				if err := errors.Join(err1, err2, err3); err != nil {
					t.Fatal(err)
				}
				got := change.Consts["b"]
				if got == nil {
					t.Fatal("the bias stays as it is")
				}
				for i, v := range got.F32() {
					step := c.factor * float64(x.Scale[0]) * float64(w.Scale[i%len(w.Scale)])
					code := float64(v) / step
					// A code of at most 2^20 or so times a float32 step is off by 2^-23 of itself.
					if math.Abs(code-math.Round(code)) > 1e-6*math.Abs(code)+1e-6 {
						t.Errorf("element %d: %v is %v steps of %v", i, v, code, step)
					}
					if d := math.Abs(float64(v - c.b.F32()[i])); d > step*(0.5+1e-5) {
						t.Errorf("element %d: %v for %v, %g steps off", i, v, c.b.F32()[i], d/step)
					}
				}
				if tensor.Equal(got, c.b) {
					t.Error("nothing was rounded")
				}
				v, err := s.With(change)
				if err != nil {
					t.Fatal(err)
				}
				in, _ := noise(16).Batch(0, 2)
				if _, err := v.Run(t.Context(), in); err != nil {
					t.Error(err)
				}
			}
			// Widths of their own.
			for _, bits := range []int{1, 2, 4, 8, 12, 16} {
				p, err := m.Uniform(8, 8).WithBias("*", quant.Int(bits))
				if err != nil {
					t.Fatal(err)
				}
				b, err := st.Bias(0, p, Methods{})
				if err != nil {
					t.Fatal(err)
				}
				values := map[float32]bool{}
				for _, v := range b.F32() {
					values[v] = true
				}
				if len(values) > 1<<bits {
					t.Errorf("%d bits: %d different values", bits, len(values))
				}
				if db := quant.Compare(c.b.F32(), b.F32()).SQNR(); db < 5*float64(bits)-4 {
					t.Errorf("%d bits: %.1f dB", bits, db)
				}
			}
		})
	}
}

func TestBiasOfABroadcastThatHasNoScaleIsAnError(t *testing.T) {
	g := biasedLayer(t, &graph.Node{Op: "Gemm", Inputs: []string{"flat", "w", "b"}},
		[]*graph.Node{{Name: "f", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"flat"}}},
		&graph.Const{Name: "w", Tensor: floats(1, 48, 7)}, &graph.Const{Name: "b", Tensor: floats(2, 1)})
	profile := hardware.Simulation()
	profile.Biases = quant.Int(32)
	s, m := setup(t, g, profile, 1)
	st := collect(t, s, m, noise(4), Config{})
	if _, err := st.Change(m.Uniform(8, 8), Methods{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("one bias for seven scales: %v", err)
	}
	tensorwise := m.Uniform(8, 8).WithTie(m.Quantizers[m.Layers[0].Weight].Tie, quant.Int(8))
	if _, err := st.Change(tensorwise, Methods{}); err != nil {
		t.Errorf("one bias for one scale: %v", err)
	}
}

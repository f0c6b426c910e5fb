package exec

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// gradients is the cotangents of names for k random cotangents of y.
func gradients(t *testing.T, s *Session, in Values, k int, names ...string) (map[string]*tensor.Tensor, []string) {
	t.Helper()
	d, err := s.Gradient([]string{"y"}, names)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.Keep(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 9))
	u := tensor.New(tensor.Float32, append([]int{k}, kept.Value("y").Shape()...)...)
	for i := range u.F32() {
		u.F32()[i] = float32(r.NormFloat64())
	}
	got, order := map[string]*tensor.Tensor{}, []string(nil)
	err = d.Run(context.Background(), kept, Values{"y": u}, func(name string, g *tensor.Tensor) {
		if got[name] != nil {
			t.Errorf("%q is shown twice", name)
		}
		got[name] = g.Clone()
		order = append(order, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, order
}

var differentiable = []string{"x", "w1", "b1", "b", "w2", "w3", "f", "w4", "b4", "y"}

func TestGradientThroughFusedStepsIsThatThroughSingleOnes(t *testing.T) {
	fused := session(t, Options{Visible: []string{"b", "f"}})
	if fused.Calls() >= len(fused.Graph().Nodes()) {
		t.Fatal("nothing is fused")
	}
	a, _ := gradients(t, fused, input(3), 2, differentiable...)
	b, _ := gradients(t, session(t, Options{NoFuse: true}), input(3), 2, differentiable...)
	for _, name := range differentiable {
		x, y := a[name], b[name]
		if x == nil || y == nil || !slices.Equal(x.Shape(), y.Shape()) {
			t.Fatalf("%q: %v and %v", name, x, y)
		}
		// The residual is added in another order, which rounds otherwise.
		if e := distance(x.F32(), y.F32()); e > 1e-5 {
			t.Errorf("%q: fused differs by %.2g of the norm", name, e)
		}
	}
}

func distance(x, y []float32) float64 {
	var off, all float64
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		off, all = off+d*d, all+float64(y[i])*float64(y[i])
	}
	return math.Sqrt(off / all)
}

// TestGradientPredictsSmallChanges moves each constant along a random direction
// and holds the change of u·y against the gradient's.
func TestGradientPredictsSmallChanges(t *testing.T) {
	s := session(t, Options{})
	in := input(2)
	names := []string{"w1", "b1", "w2", "w3", "w4", "b4"}
	g, _ := gradients(t, s, in, 1, append(names, "y")...)
	u := g["y"].F32() // the cotangent itself
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range names {
		old := s.Graph().Const(name)
		direction := make([]float32, old.Len())
		want := 0.0
		for i := range direction {
			direction[i] = float32(r.NormFloat64())
			want += float64(direction[i]) * float64(g[name].F32()[i])
		}
		const step = 1.0 / 16384 // float32's rounding and the bends of Relu both weigh little
		side := func(h float32) float64 {
			c := tensor.New(tensor.Float32, old.Shape()...)
			for i, v := range old.F32() {
				c.F32()[i] = v + h*direction[i]
			}
			v, err := s.With(Change{Consts: Values{name: c}})
			if err != nil {
				t.Fatal(err)
			}
			out, err := v.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for i, y := range out["y"].F32() {
				sum += float64(u[i]) * float64(y)
			}
			return sum
		}
		got := (side(step) - side(-step)) / (2 * step)
		if math.Abs(got-want) > 0.02*math.Abs(want)+0.01 {
			t.Errorf("%s: the output changes by %.4f, the gradient says %.4f", name, got, want)
		}
	}
}

func TestGradientHasTheSameBitsEveryTimeAndInAnyCompany(t *testing.T) {
	s := session(t, Options{})
	a, order := gradients(t, s, input(3), 3, "w1", "w3", "x")
	b, again := gradients(t, s, input(3), 3, "w1", "w3", "x")
	alone, _ := gradients(t, s, input(3), 3, "w1")
	if !slices.Equal(order, again) || len(order) != 3 {
		t.Errorf("shown in the order %v, then %v", order, again)
	}
	for name := range a {
		if !tensor.Equal(a[name], b[name]) {
			t.Errorf("%q differs between runs", name)
		}
	}
	if !tensor.Equal(a["w1"], alone["w1"]) {
		t.Error("w1 differs when nothing else is asked for")
	}
}

func TestGradientOfAVariantIsAtItsConstants(t *testing.T) {
	s := session(t, Options{})
	w := s.Graph().Const("w4").Clone()
	for i := range w.F32() {
		w.F32()[i] *= 2
	}
	v, err := s.With(Change{Consts: Values{"w4": w}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Gradient([]string{"y"}, []string{"f"})
	if err != nil {
		t.Fatal(err)
	}
	u := tensor.New(tensor.Float32, 1, 1, 5)
	u.F32()[2] = 1
	var got [2]*tensor.Tensor
	plain, err := s.KeepSingle(context.Background(), input(1))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := v.KeepSingle(context.Background(), input(1))
	if err != nil {
		t.Fatal(err)
	}
	for i, kept := range []*Kept{plain, changed} {
		if err := d.Run(context.Background(), kept, Values{"y": u}, func(_ string, g *tensor.Tensor) { got[i] = g.Clone() }); err != nil {
			t.Fatal(err)
		}
	}
	for i, x := range got[0].F32() {
		if got[1].F32()[i] != 2*x {
			t.Fatalf("element %d: %v with the weights doubled, %v without", i, got[1].F32()[i], x)
		}
	}
}

func TestGradientNamesOperatorsWithoutDerivative(t *testing.T) {
	x := graph.Value{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: 4}}}
	y := x
	y.Name = "y"
	axis := &graph.Const{Name: "axis", Tensor: tensor.Scalar(int64(0))}
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{x}, Outputs: []graph.Value{y}, Consts: []*graph.Const{axis},
		Nodes: []*graph.Node{
			{Name: "start", Op: "CumSum", Inputs: []string{"x", "axis"}, Outputs: []string{"a"}},
			{Name: "middle", Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "end", Op: "CumProd", Inputs: []string{"b", "axis"}, Outputs: []string{"y"}},
		},
		Model: &graph.Model{Opsets: map[string]int{"": 26}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Gradient([]string{"y"}, []string{"x"})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{"start", "CumSum", "end", "CumProd"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	// Nothing asks for what lies before CumSum.
	if _, err := s.Gradient([]string{"b"}, []string{"a"}); err != nil {
		t.Error(err)
	}
	if _, err := s.Gradient([]string{"nowhere"}, []string{"x"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an unknown value gives %v", err)
	}
}

func TestGradientStopsWithItsContext(t *testing.T) {
	s := session(t, Options{})
	d, err := s.Gradient([]string{"y"}, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.Keep(context.Background(), input(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = d.Run(ctx, kept, Values{"y": tensor.New(tensor.Float32, 1, 1, 5)}, func(string, *tensor.Tensor) { t.Error("a value is shown") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	for _, bad := range []Values{{"y": tensor.New(tensor.Float32, 1, 5)}, {"x": tensor.New(tensor.Float32, 1, 1, 2, 6, 6)}, {}} {
		if err := d.Run(context.Background(), kept, bad, func(string, *tensor.Tensor) {}); err == nil {
			t.Errorf("cotangents %v are taken", bad)
		}
	}
}

package quantlib_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/observetest"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/opstest"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// What follows is written as an outsider would, from the documentation alone: a
// profile, an observer and an operator, each in under 50 lines.

// earbud is a chip that multiplies 8-bit activations by weights of 4 or 8 bits, one
// scale for a tensor, powers of two, and runs a Relu with what comes before it.
func earbud() *hardware.Profile {
	weights := quant.Int(8)
	weights.PowerOfTwo = true
	activations := quant.Int(8)
	activations.PowerOfTwo = true
	return &hardware.Profile{
		Name: "earbud",
		Ops: map[string]hardware.Op{
			"Conv": {Inputs: []hardware.Role{hardware.Activation, hardware.Weight, hardware.Bias}},
			"Gemm": {Inputs: []hardware.Role{hardware.Activation, hardware.Weight, hardware.Bias}},
			"Add":  {Inputs: []hardware.Role{hardware.Activation, hardware.Activation}},
		},
		Pass:        []string{"Reshape", "Flatten", "MaxPool"},
		Fuse:        []hardware.Pattern{{Name: "conv-relu", Ops: []string{"Conv", "Relu|Clip?"}}},
		Ties:        []hardware.Tie{{Ops: []string{"Add"}, Inputs: true, Scale: true}, {Ops: []string{"Concat"}, Inputs: true, Outputs: true, Scale: true}},
		Weights:     hardware.Operand{Widths: []int{4, 8}, Scheme: weights},
		Activations: hardware.Operand{Widths: []int{8}, Scheme: activations},
		Biases:      quant.Int(32),
	}
}

func ExampleStudy_ownProfile() {
	calibration := demo.Calibration()
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{Pixels: calibration.Pixels[:32*784], Shape: []int{1, 28, 28}, Divide: 255},
		Profile:     earbud(),
		NoMemo:      true,
	}
	_, err := study.Uniform(8, 4)
	fmt.Println(err)
	accuracy, err := study.Evaluate(context.Background(), quantlib.Must(study.Uniform(8, 8)))
	fmt.Println(accuracy.Noise.SQNR() > 10, err)
	// Output:
	// plan: layer stem/conv: the profile "earbud" has no 4 bits for the activation input; its widths there are [8]
	// true <nil>
}

// twoSigma covers the mean and two standard deviations to either side.
type twoSigma struct{ n, sum, square float64 }

func (o *twoSigma) Observe(x []float32) {
	for _, v := range x {
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			o.n++
			o.sum += f
			o.square += f * f
		}
	}
}

func (o *twoSigma) Range() (lo, hi float32, err error) {
	if o.n == 0 {
		return 0, 0, observe.ErrNoData
	}
	mean := o.sum / o.n
	reach := 2 * math.Sqrt(max(0, o.square/o.n-mean*mean))
	return float32(max(-math.MaxFloat32, min(0, mean-reach))), float32(min(math.MaxFloat32, max(0, mean+reach))), nil
}

var sigma = observe.Func("two sigma, 1", func(quant.Scheme) observe.Observer { return &twoSigma{} })

// An observer of one's own chooses the ranges of a study's activations.
func ExampleStudy_ownObserver() {
	calibration := demo.Calibration()
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{Pixels: calibration.Pixels[:32*784], Shape: []int{1, 28, 28}, Divide: 255},
		Methods:     quantlib.Methods{Activation: sigma},
		NoMemo:      true,
	}
	n, err := study.Quantized(context.Background(), quantlib.Must(study.Uniform(8, 8)))
	fmt.Println(n.Methods, err)
	// Output: weights mse, activations own "two sigma, 1" <nil>
}

func TestTheOutsidersObserverKeepsTheContract(t *testing.T) { observetest.Run(t, sigma) }

// softsignSquared is y = x·|x|/(1+x²).
func softsignSquared(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	x := ops.In(in, 0)
	if x == nil || x.DType() != tensor.Float32 {
		return nil, errors.New("SoftsignSquared takes one float32 tensor")
	}
	y := c.Reuse(tensor.Float32, x.Shape(), x)
	for i, v := range x.F32() {
		f := float64(v)
		y.F32()[i] = float32(f * math.Abs(f) / (1 + f*f))
	}
	return []*tensor.Tensor{y}, nil
}

func init() { ops.Register("com.earbud", "SoftsignSquared", 1, softsignSquared) }

func TestTheOutsidersOperatorKeepsTheContract(t *testing.T) {
	f := func(v ...float32) *tensor.Tensor { return tensor.Of(v, len(v)) }
	opstest.Run(t, "com.earbud", "SoftsignSquared", 1,
		opstest.Case{Name: "numbers", In: []*tensor.Tensor{f(0, 1, -3)}, Out: []*tensor.Tensor{f(0, 0.5, -0.9)}, Abs: 1e-6},
		opstest.Case{Name: "NaN", In: []*tensor.Tensor{f(float32(math.NaN()))}, Out: []*tensor.Tensor{f(float32(math.NaN()))}})
}

// A network with the operator is studied like any other.
func ExampleFromGraph_ownOperator() {
	w := make([]float32, 16)
	for i := range w {
		w[i] = float32(i%5) - 2
	}
	g, err := graph.New(graph.Parts{
		Model:   &graph.Model{Opsets: map[string]int{"": 13, "com.earbud": 1}},
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}},
		Outputs: []graph.Value{{Name: "y"}},
		Consts:  []*graph.Const{{Name: "w", Tensor: tensor.Of(w, 4, 4)}},
		Nodes: []*graph.Node{
			{Name: "act", Op: "SoftsignSquared", Domain: "com.earbud", Inputs: []string{"x"}, Outputs: []string{"h"}},
			{Name: "mul", Op: "MatMul", Inputs: []string{"h", "w"}, Outputs: []string{"y"}},
		},
	})
	fmt.Println(quantlib.Must(quantlib.FromGraph(g).Layers()), err)
	// Output: [mul] <nil>
}

func TestTheOutsidersProfileIsHeldTo(t *testing.T) {
	study := newStudy(t, 16, 16)
	study.Profile = earbud()
	m := quantlib.Must(study.Map())
	if len(m.ScaleTies()) == 0 {
		t.Error("no quantizers share a scale, though the Adds of the network ask for it")
	}
}

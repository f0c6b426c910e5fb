package ops_test

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() { ops.Register("com.acme", "Double", 1, double) }

func double(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	if in[0].DType() != tensor.Float32 {
		return nil, fmt.Errorf("Double of %v", in[0].DType())
	}
	y := c.Reuse(tensor.Float32, in[0].Shape(), in[0])
	for i, v := range in[0].F32() {
		y.F32()[i] = 2 * v
	}
	return []*tensor.Tensor{y}, nil
}

// An operator of one's own: the function that computes it, and the domain and
// name that files call it by.
func ExampleRegister() {
	// func init() { ops.Register("com.acme", "Double", 1, double) }
	n := &graph.Node{Name: "d", Op: "Double", Domain: "com.acme", Inputs: []string{"x"}, Outputs: []string{"y"}}
	out, err := ops.Apply(n, 1, tensor.Of([]float32{1, 2.5}, 2))
	fmt.Println(out[0].F32(), err)
	// Output: [2 5] <nil>
}

// Apply runs one node by itself.
func ExampleApply() {
	n := &graph.Node{Name: "q", Op: "QuantizeLinear", Inputs: []string{"x", "scale", "zero"}, Outputs: []string{"y"}}
	out, err := ops.Apply(n, 13, tensor.Of([]float32{-1, 0.25, 0.75, 9}, 4), tensor.Scalar(float32(0.5)), tensor.Scalar(uint8(1)))
	fmt.Println(tensor.Data[uint8](out[0]), err)
	// Output: [0 1 3 19] <nil>
}

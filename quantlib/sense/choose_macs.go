package sense

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// MACs is the multiply-accumulates that each layer of m does for one sample, by
// its place in m.Layers. The network of s, which must be m's, runs once on the
// first sample, without fusions, and the shapes that it shows are counted:
//
//	Conv           elements of the output × C/group × kernel
//	ConvTranspose  elements of the input × M/group × kernel
//	Gemm, MatMul   elements of the output × the length of the contracted axis
//	Add, Mul, …    0, as of all other operators without a weight
//
// Padding counts as data, biases do not count.
func MACs(ctx context.Context, s *exec.Session, m *plan.Map, data calibrate.Samples) ([]int64, error) {
	shapes, err := shapesOf(ctx, s, m, data, 1)
	if err != nil {
		return nil, err
	}
	return macsOf(m, shapes, 1)
}

// macsOf counts from shapes of a run of batch samples.
func macsOf(m *plan.Map, shapes netShapes, batch int64) ([]int64, error) {
	macs := make([]int64, len(m.Layers))
	for i, l := range m.Layers {
		n := m.Graph.Node(l.Name)
		if n == nil {
			return nil, fmt.Errorf("sense: layer %q is not in the network", l.Name)
		}
		x, w, y := shapes.dims[n.Input(0)], shapes.dims[n.Input(1)], shapes.dims[n.Output(0)]
		switch {
		case l.Op == "Conv" && len(w) > 1:
			macs[i] = product(y) * product(w[1:])
		case l.Op == "ConvTranspose" && len(w) > 1:
			macs[i] = product(x) * product(w[1:])
		case l.Op == "Gemm" && len(x) == 2:
			macs[i] = product(y) * int64(x[1-int(n.Int("transA", 0))])
		case l.Op == "MatMul" && len(x) > 0:
			macs[i] = product(y) * int64(x[len(x)-1])
		case l.Weight < 0 && l.Op != "Conv" && l.Op != "ConvTranspose" && l.Op != "Gemm" && l.Op != "MatMul":
			// Element by element: no products are added up.
		default:
			return nil, fmt.Errorf("sense: layer %q (%s): cannot count operands of shapes %v and %v", l.Name, l.Op, x, w)
		}
		macs[i] /= batch
	}
	return macs, nil
}

func product(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

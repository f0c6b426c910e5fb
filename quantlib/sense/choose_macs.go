package sense

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
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
	if s.Graph() != m.Graph {
		return nil, fmt.Errorf("sense: the session runs another network than the one of the quantizers")
	}
	if data.Len() == 0 {
		return nil, fmt.Errorf("sense: the data set is empty")
	}
	in, err := data.Batch(0, 1)
	if err != nil {
		return nil, fmt.Errorf("sense: sample 0: %w", err)
	}
	plain, err := exec.New(m.Graph, exec.Options{Threads: s.Threads(), NoFuse: true})
	if err != nil {
		return nil, fmt.Errorf("sense: %w", err)
	}
	shapes := map[string][]int{}
	for _, c := range m.Graph.Consts() {
		shapes[c.Name] = c.Tensor.Shape()
	}
	err = plain.Watch(ctx, in, func(name string, t *tensor.Tensor) {
		shapes[name] = append([]int(nil), t.Shape()...)
	})
	if err != nil {
		return nil, fmt.Errorf("sense: sample 0: %w", err)
	}
	macs := make([]int64, len(m.Layers))
	for i, l := range m.Layers {
		n := m.Graph.Node(l.Name)
		if n == nil {
			return nil, fmt.Errorf("sense: layer %q is not in the network", l.Name)
		}
		x, w, y := shapes[n.Input(0)], shapes[n.Input(1)], shapes[n.Output(0)]
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

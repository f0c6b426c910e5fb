package samples

import (
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Random is n samples of normal noise, mean 0 and standard deviation 1, the same
// for equal seeds. It is for networks without data at hand; what is measured on
// it says little about real inputs.
func Random(n int, seed uint64, in []graph.Value, o Options) (*Set, error) {
	s := &Set{Source: fmt.Sprintf("%d samples of normal noise, seed %d", n, seed), Form: "noise", Noise: true, n: n, options: o}
	if n < 1 {
		return nil, fmt.Errorf("%d samples of noise", n)
	}
	for _, v := range in {
		if v.DType != tensor.Float32 {
			return nil, fmt.Errorf("the model's input %q is %v; noise is float32: %w", v.Name, v.DType, errors.ErrUnsupported)
		}
		shape, err := want(v, o.Shape)
		if err != nil {
			return nil, err
		}
		size := 1
		for _, d := range shape {
			if d < 0 {
				return nil, fmt.Errorf("the model leaves the shape of its input %q open, %s; say -shape", v.Name, v.TypeString())
			}
			size *= d
		}
		s.columns = append(s.columns, column{v, shape, &noise{seed, uint64(len(s.columns)), size}})
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

// noise has a generator of its own for each sample, so that samples do not
// depend on how they are read.
type noise struct {
	seed, input uint64
	size        int
}

func (r *noise) bytes() bool { return false }

func (r *noise) sum(h hash.Hash) error {
	fmt.Fprintf(h, "noise %d %d %d\n", r.seed, r.input, r.size)
	return nil
}

func (r *noise) read(lo, hi int, dst []float64) error {
	for i := lo; i < hi; i++ {
		g := rand.New(rand.NewPCG(r.seed, uint64(i)<<8|r.input))
		for k := range r.size {
			dst[(i-lo)*r.size+k] = g.NormFloat64()
		}
	}
	return nil
}

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
// it says little about real inputs. An input of integers takes them evenly from
// 0 up to, and without, its number in codes: rows of a table, as tokens are. One
// that has none there, as masks have, is 1 everywhere.
func Random(n int, seed uint64, in []graph.Value, codes map[string]int, o Options) (*Set, error) {
	s := &Set{Form: "noise", Noise: true, n: n, options: o}
	if n < 1 {
		return nil, fmt.Errorf("%d samples of noise", n)
	}
	kind, more := "noise", ""
	for _, v := range in {
		most := 0
		switch v.DType {
		case tensor.Float32:
			kind = "normal noise"
		case tensor.Int64:
			if most = codes[v.Name]; most > 0 {
				more += fmt.Sprintf("; %s any of 0..%d", graph.Printable(v.Name), most-1)
			} else {
				most = 1
				more += fmt.Sprintf("; %s 1 everywhere", graph.Printable(v.Name))
			}
		default:
			return nil, fmt.Errorf("the model's input %q is %v; noise is float32 or int64: %w", v.Name, v.DType, errors.ErrUnsupported)
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
		s.columns = append(s.columns, column{v, shape, &noise{seed, uint64(len(s.columns)), size, most, codes[v.Name] == 0}})
	}
	s.Source = fmt.Sprintf("%d samples of %s, seed %d%s", n, kind, seed, more)
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
	codes       int  // 0: normal numbers; otherwise integers below it
	ones        bool // with codes: 1 everywhere
}

func (r *noise) bytes() bool { return false }

func (r *noise) sum(h hash.Hash) error {
	fmt.Fprintf(h, "noise %d %d %d %d %v\n", r.seed, r.input, r.size, r.codes, r.ones)
	return nil
}

func (r *noise) read(lo, hi int, dst []float64) error {
	for i := lo; i < hi; i++ {
		g := rand.New(rand.NewPCG(r.seed, uint64(i)<<8|r.input))
		for k := range r.size {
			x := &dst[(i-lo)*r.size+k]
			switch {
			case r.codes == 0:
				*x = g.NormFloat64()
			case r.ones:
				*x = 1
			default:
				*x = float64(g.IntN(r.codes))
			}
		}
	}
	return nil
}

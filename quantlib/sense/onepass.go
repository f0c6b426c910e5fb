package sense

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// OnePass estimates all cells of all widths from one way back through the
// network for each sample. To first order a change δ of a tensor changes the
// output by J·δ, where J is the output's derivative by the tensor. For a random
// u of independent signs E[(u·Jδ)²] = ‖Jδ‖², and u·Jδ = g·δ with g = Jᵀu, which
// one way back gives for all tensors at once. So
//
//	NSR ≈ 1/K · Σ over K probes u of (Σ over the cell's tensors of g·δ)² / Σf²
//
// where δ = quantized − float, for each width. Where a cell quantizes several
// tensors their errors are added before they are squared, so that what they do to
// each other is counted. The probes are rows of a Hadamard matrix with random
// signs, which are orthogonal: that spreads less than independent ones do, and
// with as many probes as the output has elements (rounded up to a power of two)
// the mean is ‖Jδ‖² itself.
//
// Samples go one at a time (or as many as the network fixes), so that g is one
// sample's. For a weight the way back computes g, once for each probe at the
// price of the layer itself, and then one multiply-add for each weight, width and
// probe. The other way, running the layer on δ, would take that price once for
// each width. One forward, and two for each probe, serve all layers and widths.
//
// δ is taken without a division, so that an element within 2⁻²³ of its own size of
// the middle between two codes may fall to either, and g·δ is summed in float32
// over up to 8,192 elements, in float64 beyond. Both are far below the estimate's
// own spread.
//
// It is first order: it fails where δ is so large that activation functions
// change sides, at two bits and less, and with ranges that clip much. A softmax
// at the end makes that worse, since it is flat where it is sure; take it off
// first. NSR and, for networks with one output, MSE are estimated; Cosine and
// Agreement are NaN, and there is no task loss. An output that is all zeros
// counts with its noise power alone. Config.OnCell is called when all is done,
// and nothing is kept in Config.Series.
//
// Operators that have no derivative are an error that names them and wraps
// errors.ErrUnsupported, before any work is done.
type OnePass struct {
	// Probes is how many there are for each sample; 0 means 2. The least rank
	// correlation with Exact over all layers, of 20 seeds and three trained networks,
	// on 64 samples:
	//
	//	                    4, 6 and 8 bits    seven widths, 4 to 16 bits
	//	                    two     four       two     four
	//	weights, or both    0.987   0.991      0.997   0.998
	//	activations alone   0.942   0.958      0.994   0.996
	//
	// Four take 1.7 times as long. With widths of 1 bit, where the estimate is poor
	// anyhow, they spare plans that two lead to now and then.
	Probes int
	Seed   uint64
}

func (o OnePass) probes() int {
	if o.Probes <= 0 {
		return 2
	}
	return o.Probes
}

// Key implements Scorer.
func (o OnePass) Key() string { return fmt.Sprintf("one pass, %d probes, seed %d", o.probes(), o.Seed) }

// Score implements Scorer.
func (o OnePass) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	g, list, err := newGrid(s, c, o.Key())
	if err != nil {
		return nil, err
	}
	p, err := newPass(ctx, s, c, g, list)
	if err != nil {
		return nil, err
	}
	scores, measured := make([][]score, len(list)), make([]int, len(list))
	for i := range scores {
		scores[i], measured[i] = make([]score, g.Samples), g.Samples
	}
	size := fixedBatch(s.Session)
	batches := (g.Samples + size - 1) / size
	g.Calls, err = each(ctx, s.Session.Threads(), batches, func(ctx context.Context, b int) (int, error) {
		lo, hi := b*size, min(g.Samples, (b+1)*size)
		if err := o.batch(ctx, p, scores, lo, hi); err != nil {
			return 0, fmt.Errorf("samples %d..%d: %w", lo, hi-1, err)
		}
		return p.gradient.Calls(), nil
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done, batches)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("sense: %s: %w", o.Key(), err)
	}
	g.Full = batches * len(list) * s.Session.Calls()
	for i, r := range list {
		g.set(r, estimated(scores[i]))
	}
	g.keepSamples(scores, measured)
	g.announce(c)
	return g, nil
}

// estimated is the cell of scores whose noise alone is known.
func estimated(s []score) Cell {
	c := judge{}.summarize(s)
	nothing := Measure{math.NaN(), math.NaN()}
	c.Cosine, c.Agreement = nothing, nothing
	return c
}

// announce shows all cells of layers to Config.OnCell.
func (g *Grid) announce(c Config) {
	if c.OnCell == nil {
		return
	}
	for i, cell := range g.Cells {
		if cell.Valid {
			c.OnCell(Progressive{Place: g.place(i), Cell: cell, Done: len(g.Cells), Total: len(g.Cells)})
		}
	}
}

// fixedBatch is the number of samples of one run: 1 unless the file fixes it.
func fixedBatch(s *exec.Session) int {
	for _, v := range s.Graph().Inputs() {
		if v.Ranked && len(v.Dims) > 1 && v.Dims[0].Size > 0 {
			return v.Dims[0].Size
		}
	}
	return 1
}

// pass is what all samples share.
type pass struct {
	Subject
	c        Config
	g        *Grid
	rows     []row
	gradient *exec.Gradient
	place    map[string]int // of quantizers, by value
	width    map[int]int    // place in Grid.Widths
	wide     [][]rounding   // by quantizer and width; an empty scheme where there is none
}

func newPass(ctx context.Context, s Subject, c Config, g *Grid, list []row) (*pass, error) {
	m := s.Stats.Map()
	p := &pass{Subject: s, c: c, g: g, rows: list, place: map[string]int{}, width: map[int]int{}, wide: make([][]rounding, len(m.Quantizers))}
	for i, b := range g.Widths {
		p.width[b] = i
	}
	var names []string
	for _, r := range list {
		for _, tie := range r.ties {
			for _, q := range m.Ties[tie].Members {
				if p.wide[q] == nil {
					p.wide[q] = make([]rounding, len(g.Widths))
					p.place[m.Quantizers[q].Value] = q
					names = append(names, m.Quantizers[q].Value)
				}
				w := &p.wide[q][p.width[r.bits]]
				if !w.s.IsFloat32() {
					continue
				}
				var err error
				w.s = schemeOf(m, tie, r.bits)
				if w.p, err = s.Stats.ParamsContext(ctx, q, w.s, c.Methods); err != nil {
					return nil, err
				}
			}
		}
	}
	var err error
	p.gradient, err = s.Session.Gradient(g.Output, names)
	return p, err
}

// layout is which elements of a tensor share a scale.
func layout(q plan.Quantizer, s quant.Scheme, shape []int) quant.Layout {
	if q.Role == plan.Activation {
		return quant.For(shape, q.Axis, q.Axis, s)
	}
	return quant.For(shape, q.Axis, q.Group, s)
}

// batch estimates all rows on the samples lo..hi-1.
func (o OnePass) batch(ctx context.Context, p *pass, scores [][]score, lo, hi int) error {
	in, err := p.Data.Batch(lo, hi)
	if err != nil {
		return err
	}
	kept, err := p.Session.KeepSingle(ctx, in)
	if err != nil {
		return err
	}
	for i := lo; i < hi; i++ {
		if err := o.sample(ctx, p, kept, scores, i, i-lo, hi-lo); err != nil {
			return err
		}
	}
	return nil
}

// sample estimates all rows on sample number, which is place at of n of the
// batch.
func (o OnePass) sample(ctx context.Context, p *pass, kept *exec.Kept, scores [][]score, number, at, n int) error {
	seeds, area, err := o.seeds(p, kept, number, at, n)
	if err != nil {
		return err
	}
	// dots is g·δ by quantizer, width and probe.
	dots := make([][]float64, len(p.wide))
	k := 0
	err = p.gradient.Run(ctx, kept, seeds, func(name string, g *tensor.Tensor) {
		q := p.place[name]
		x := kept.Value(name)
		k = g.Dim(0)
		dots[q] = products(p.wide[q], p.g.m.Quantizers[q], x, g)
	})
	if err != nil {
		return err
	}
	for _, t := range seeds {
		k = t.Dim(0)
	}
	for i, r := range p.rows {
		sum := 0.0
		for probe := range k {
			e := 0.0
			for _, tie := range r.ties {
				for _, q := range p.g.m.Ties[tie].Members {
					if dots[q] != nil {
						e += dots[q][p.width[r.bits]*k+probe]
					}
				}
			}
			sum += e * e
		}
		nsr := sum / float64(k)
		scores[i][number] = score{nsr: nsr, cosine: math.NaN(), mse: nsr * area}
	}
	return nil
}

// seeds is the probes of one sample, each divided by the root of the output's
// signal, so that their products are noise-to-signal powers. With several outputs
// the powers are averaged. area turns a noise-to-signal power into a mean square,
// NaN with several outputs.
func (o OnePass) seeds(p *pass, kept *exec.Kept, number, at, n int) (exec.Values, float64, error) {
	var out []*tensor.Tensor
	var names []string
	elements := 0
	for i, name := range p.g.Output {
		if t := kept.Output(i); t != nil && t.DType() == tensor.Float32 {
			out, names = append(out, t), append(names, name)
			elements += len(rows(t, t.F32(), at, n))
		}
	}
	if elements == 0 {
		return nil, 0, fmt.Errorf("the outputs %q hold no float32", p.g.Output)
	}
	r := rand.New(rand.NewPCG(o.Seed, uint64(number)))
	h := 1 << bits.Len(uint(elements-1)) // of the Hadamard matrix
	k := min(o.probes(), h)
	lines := some(r, k, h)
	seeds := exec.Values{}
	area, column := math.NaN(), 0
	for i, t := range out {
		f := rows(t, t.F32(), at, n)
		signal := quant.Compare(f, f).Signal
		scale := 1.0
		if signal > 0 {
			scale = 1 / math.Sqrt(signal)
		}
		if len(out) == 1 {
			area = 1 / (scale * scale) / float64(len(f))
		}
		scale /= math.Sqrt(float64(len(out)))
		u := tensor.New(tensor.Float32, append([]int{k}, t.Shape()...)...)
		sign := make([]uint64, len(f))
		for e := range sign {
			sign[e] = r.Uint64() & 1
		}
		for probe, line := range lines {
			dst := rows(t, u.F32()[probe*t.Len():(probe+1)*t.Len()], at, n)
			for e := range dst {
				v := float32(scale)
				if (uint64(bits.OnesCount(uint(line&(column+e))))^sign[e])&1 == 1 {
					v = -v
				}
				dst[e] = v
			}
		}
		column += len(f)
		seeds[names[i]] = u
	}
	return seeds, area, nil
}

// some is k different numbers of 0..n-1.
func some(r *rand.Rand, k, n int) []int {
	taken := map[int]bool{}
	var list []int
	for len(list) < k {
		if v := r.IntN(n); !taken[v] {
			taken[v] = true
			list = append(list, v)
		}
	}
	return list
}

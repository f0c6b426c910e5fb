package sense

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// ClosedForm scores a weight by its own error, ‖ΔW‖²/‖W‖² with ΔW = quantized −
// float, over all tensors of a tie. It runs nothing and knows nothing of what the
// network does with the weight: the cheap baseline. A cell's NSR is that ratio,
// which is a noise-to-signal power, though not the output's; its standard error
// and all other metrics are NaN. Cells with activations are not Valid.
type ClosedForm struct{}

// Key implements Scorer.
func (ClosedForm) Key() string { return "closed form ‖ΔW‖²/‖W‖²" }

// Score implements Scorer.
func (f ClosedForm) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	g, list, err := newGrid(s, c, f.Key())
	if err != nil {
		return nil, err
	}
	g.Merit = "weight's own noise-to-signal power"
	w, err := newWeights(ctx, s, c, g, list)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if w.only(r) {
			noise, signal := 0.0, 0.0
			for _, q := range w.members(r) {
				noise, signal = noise+w.noise[q][r.bits], signal+w.signal[q]
			}
			nsr := 0.0
			if noise > 0 {
				nsr = noise / signal
			}
			g.set(r, scored(Measure{nsr, math.NaN()}, g.Samples))
		}
	}
	g.announce(c)
	return g, nil
}

// scored is a cell of which nothing but a figure of merit is known.
func scored(m Measure, samples int) Cell {
	nothing := Measure{math.NaN(), math.NaN()}
	return Cell{NSR: m, Cosine: nothing, MSE: nothing, Agreement: nothing, Samples: samples, Valid: true}
}

// weights is what scorers of weights alone know of them.
type weights struct {
	m      *plan.Map
	noise  map[int]map[int]float64 // ‖ΔW‖² by quantizer and bits
	signal map[int]float64         // ‖W‖² by quantizer
	order  []int                   // the quantizers, ascending
}

func newWeights(ctx context.Context, s Subject, c Config, g *Grid, list []row) (*weights, error) {
	w := &weights{m: g.m, noise: map[int]map[int]float64{}, signal: map[int]float64{}}
	buf := make([]float32, errorBlock)
	for _, r := range list {
		if !w.only(r) {
			continue
		}
		for _, tie := range r.ties {
			scheme := schemeOf(g.m, tie, r.bits)
			for _, q := range g.m.Ties[tie].Members {
				if err := ctx.Err(); err != nil {
					return nil, fmt.Errorf("sense: %w", err)
				}
				t := g.m.Graph.Const(g.m.Quantizers[q].Value)
				if w.noise[q] == nil {
					w.noise[q] = map[int]float64{}
					w.signal[q] = ops.Dot(t.F32(), t.F32())
					w.order = append(w.order, q)
				}
				if _, ok := w.noise[q][r.bits]; ok {
					continue
				}
				p, err := s.Stats.ParamsContext(ctx, q, scheme, c.Methods)
				if err != nil {
					return nil, err
				}
				x := rounding{p, scheme, layout(g.m.Quantizers[q], scheme, t.Shape())}
				sum := 0.0
				x.each(t.F32(), buf, func(_ int, e []float32) { sum += ops.Dot(e, e) })
				w.noise[q][r.bits] = sum
			}
		}
	}
	return w, nil
}

// only reports whether a row quantizes nothing but weights.
func (w *weights) only(r row) bool {
	for _, tie := range r.ties {
		if w.m.Ties[tie].Role != plan.Weight {
			return false
		}
	}
	return true
}

// members is the quantizers of a row's ties.
func (w *weights) members(r row) (list []int) {
	for _, tie := range r.ties {
		list = append(list, w.m.Ties[tie].Members...)
	}
	return list
}

// Random gives each tie a random share and divides it by four for each bit: the
// baseline that knows nothing but that wider is better. A cell's NSR is the sum
// over its ties, with the other metrics NaN.
type Random struct{ Seed uint64 }

// Key implements Scorer.
func (r Random) Key() string { return fmt.Sprintf("random, seed %d", r.Seed) }

// Score implements Scorer.
func (r Random) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	g, list, err := newGrid(s, c, r.Key())
	if err != nil {
		return nil, err
	}
	g.Merit = "random figure"
	rng := rand.New(rand.NewPCG(r.Seed, 0))
	share := make([]float64, len(g.Ties))
	for i := range share {
		share[i] = rng.Float64()
	}
	for _, x := range list {
		sum := 0.0
		for _, tie := range x.ties {
			sum += math.Ldexp(share[tie], -2*x.bits)
		}
		g.set(x, scored(Measure{sum, math.NaN()}, g.Samples))
	}
	g.announce(c)
	return g, nil
}

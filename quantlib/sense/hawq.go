package sense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// HAWQ scores a weight by the curvature of the task loss,
//
//	Tr(H)/n · ‖ΔW‖²
//
// where H is the Hessian of the mean cross-entropy by the weight's n elements and
// ΔW = quantized − float: HAWQ-V2, Dong et al. 2019,
// https://arxiv.org/abs/1911.03852, equation 10, summed over the tensors of a tie.
//
// The trace is Hutchinson's: E[vᵀHv] for random signs v, where Hv is taken as the
// difference of two gradients, at W + h·v and W − h·v, with h a share of the
// weight's root mean square. Each weight is moved on its own: with all moved at
// once the blocks of H between layers, which are larger, drown what is asked for.
// For each weight, probe and sample that is two passes through the network and two
// back to the weight: hundreds of times the work of OnePass.
//
// Differences see the bends of activation functions that the step crosses, which
// derivatives do not: in early layers of networks with many of them the estimate
// spreads widely. GaussNewton takes the way without differences. Where the network
// is piecewise linear in the weight, as with Relu, H = Σ Jᵀ(diag p − ppᵀ)J away
// from the bends, where p is the softmax and J the derivative of its argument,
// and
//
//	Tr(H) = Σ over classes y of p_y·‖Jᵀ(p − e_y)‖²
//
// which one way back for each class gives, for all weights of a sample at once.
// Labels do not matter. Above 64 classes 64 are drawn with the probabilities p.
//
// The loss is that of the first output, taken for logits unless a Softmax or
// LogSoftmax makes it. Without labels the float network's own answers are the
// labels: the curvature is then that where it is, by its own lights, right, and
// vanishes where it is sure.
//
// A cell's NSR is the score in nats, not a noise-to-signal power; its mean is at
// least 0, as the loss should not fall, and its standard error is that over
// probes and batches. Other metrics are NaN, and cells with activations are not
// Valid.
type HAWQ struct {
	Probes int     // for each weight and batch of samples; 0 means 4
	Step   float64 // h over the weight's root mean square; 0 means 1/64
	Seed   uint64
	// GaussNewton takes the trace without differences; Probes and Step do not
	// matter then.
	GaussNewton bool
}

func (h HAWQ) probes() int {
	if h.Probes <= 0 {
		return 4
	}
	return h.Probes
}

func (h HAWQ) step() float64 {
	if h.Step <= 0 {
		return 1.0 / 64
	}
	return h.Step
}

// Key implements Scorer.
func (h HAWQ) Key() string {
	if h.GaussNewton {
		return fmt.Sprintf("HAWQ trace by Gauss-Newton, seed %d", h.Seed)
	}
	return fmt.Sprintf("HAWQ trace, %d probes, step %g, seed %d", h.probes(), h.step(), h.Seed)
}

// Score implements Scorer.
func (h HAWQ) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	g, list, err := newGrid(s, c, h.Key())
	if err != nil {
		return nil, err
	}
	g.Merit = "expected rise of the loss in nats"
	l, err := newLossHead(s)
	if err != nil {
		return nil, fmt.Errorf("sense: %s: %w", h.Key(), err)
	}
	w, err := newWeights(ctx, s, c, g, list)
	if err != nil {
		return nil, err
	}
	if len(w.order) == 0 {
		return g, nil
	}
	names := make([]string, len(w.order))
	for i, q := range w.order {
		names[i] = g.m.Quantizers[q].Value
	}
	estimate := h.differences
	if h.GaussNewton {
		estimate = h.gaussNewton
	}
	traces, err := estimate(ctx, s, c, g, l, names)
	if err != nil {
		return nil, fmt.Errorf("sense: %s: %w", h.Key(), err)
	}
	g.Full = g.Samples * len(list) * s.Session.Calls()
	place := map[int]int{}
	for i, q := range w.order {
		place[q] = i
	}
	for _, r := range list {
		if !w.only(r) {
			continue
		}
		m := measure(len(traces), func(j int) float64 {
			sum := 0.0
			for _, q := range w.members(r) {
				n := g.m.Graph.Const(g.m.Quantizers[q].Value).Len()
				sum += traces[j][place[q]] / float64(n) * w.noise[q][r.bits]
			}
			return sum
		})
		m.Mean = max(0, m.Mean)
		g.set(r, scored(m, g.Samples))
	}
	g.announce(c)
	return g, nil
}

// differences is estimates of the trace, by job and weight.
func (h HAWQ) differences(ctx context.Context, s Subject, c Config, g *Grid, l *lossHead, names []string) ([][]float64, error) {
	back := make([]*exec.Gradient, len(names))
	calls := 0
	var err error
	for i := range names {
		if back[i], err = s.Session.Gradient([]string{l.seed}, names[i:i+1]); err != nil {
			return nil, err
		}
		calls += 2 * (s.Session.Calls() + back[i].Calls())
	}
	size := c.batch()
	batches := (g.Samples + size - 1) / size
	jobs := batches * h.probes()
	traces := make([][]float64, jobs)
	g.Calls, err = each(ctx, s.Session.Threads(), jobs, func(ctx context.Context, j int) (int, error) {
		b := j / h.probes()
		lo, hi := b*size, min(g.Samples, (b+1)*size)
		var err error
		if traces[j], err = h.trace(ctx, s, l, back, names, j, lo, hi); err != nil {
			return 0, fmt.Errorf("samples %d..%d: %w", lo, hi-1, err)
		}
		return calls, nil
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done, jobs)
		}
	})
	return traces, err
}

// mostClasses is how many classes gaussNewton goes back from.
const mostClasses = 64

// gaussNewton is the trace of each sample, by sample and weight.
func (h HAWQ) gaussNewton(ctx context.Context, s Subject, c Config, g *Grid, l *lossHead, names []string) ([][]float64, error) {
	if fixedBatch(s.Session) > 1 {
		return nil, fmt.Errorf("single samples of a network that takes %d at once: %w", fixedBatch(s.Session), errors.ErrUnsupported)
	}
	back, err := s.Session.Gradient([]string{l.seed}, names)
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for i, name := range names {
		place[name] = i
	}
	traces := make([][]float64, g.Samples)
	g.Calls, err = each(ctx, s.Session.Threads(), g.Samples, func(ctx context.Context, i int) (int, error) {
		in, err := s.Data.Batch(i, i+1)
		if err != nil {
			return 0, err
		}
		kept, err := s.Session.KeepSingle(ctx, in)
		if err != nil {
			return 0, err
		}
		p, err := l.cotangent(kept, []int{0})
		if err != nil {
			return 0, err
		}
		n := p.Len()
		p.F32()[0]++
		seeds := tensor.New(tensor.Float32, append([]int{min(n, mostClasses)}, p.Shape()[1:]...)...)
		r := rand.New(rand.NewPCG(h.Seed, uint64(i)))
		for k := range seeds.Dim(0) {
			y, weight := k, math.Sqrt(float64(p.F32()[k]))
			if n > mostClasses {
				y, weight = pick(r, p.F32()), math.Sqrt(1.0/mostClasses)
			}
			for e, v := range p.F32() {
				seeds.F32()[k*n+e] = float32(weight * float64(v))
			}
			seeds.F32()[k*n+y] -= float32(weight)
		}
		traces[i] = make([]float64, len(names))
		err = back.Run(ctx, kept, exec.Values{l.seed: seeds}, func(name string, g *tensor.Tensor) {
			traces[i][place[name]] = ops.Dot(g.F32(), g.F32())
		})
		return back.Calls(), err
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done, g.Samples)
		}
	})
	return traces, err
}

// pick draws a class with the probabilities p.
func pick(r *rand.Rand, p []float32) int {
	u := r.Float64()
	for i, v := range p {
		if u -= float64(v); u < 0 {
			return i
		}
	}
	return len(p) - 1
}

// trace is one estimate of the trace for each weight.
func (h HAWQ) trace(ctx context.Context, s Subject, l *lossHead, back []*exec.Gradient, names []string, job, lo, hi int) ([]float64, error) {
	in, err := s.Data.Batch(lo, hi)
	if err != nil {
		return nil, err
	}
	var labels []int
	if l.labels == nil {
		kept, err := s.Session.KeepSingle(ctx, in)
		if err != nil {
			return nil, err
		}
		if labels, err = l.answers(kept, hi-lo); err != nil {
			return nil, err
		}
	} else {
		for i := lo; i < hi; i++ {
			labels = append(labels, l.labels.Label(i))
		}
	}
	r := rand.New(rand.NewPCG(h.Seed, uint64(job)))
	traces := make([]float64, len(names))
	for i, name := range names {
		old := s.Stats.Map().Graph.Const(name)
		signs, square := make([]float32, old.Len()), 0.0
		for e, v := range old.F32() {
			square += float64(v) * float64(v)
			signs[e] = float32(1 - 2*int(r.Uint64()&1))
		}
		if square == 0 {
			square = float64(old.Len()) // of zeros: a step of its own size
		}
		step := float32(h.step() * math.Sqrt(square/float64(max(1, old.Len()))))
		for _, side := range []float32{1, -1} {
			moved := tensor.New(tensor.Float32, old.Shape()...)
			for e, v := range old.F32() {
				moved.F32()[e] = v + side*step*signs[e]
			}
			v, err := s.Session.With(exec.Change{Consts: exec.Values{name: moved}})
			if err != nil {
				return nil, err
			}
			kept, err := v.KeepSingle(ctx, in)
			if err != nil {
				return nil, err
			}
			seed, err := l.cotangent(kept, labels)
			if err != nil {
				return nil, err
			}
			err = back[i].Run(ctx, kept, exec.Values{l.seed: seed}, func(_ string, g *tensor.Tensor) {
				traces[i] += float64(side) * ops.Dot(g.F32(), signs) / (2 * float64(step))
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return traces, nil
}

// lossHead is where the mean cross-entropy of a batch is differentiated: at the
// argument of the softmax, which keeps the derivative finite.
type lossHead struct {
	head   head
	seed   string // the softmax's argument, or the output if that is logits
	value  string // what the softmax makes, or the output
	labels calibrate.Labeled
}

func newLossHead(s Subject) (*lossHead, error) {
	g := s.Session.Graph()
	if len(g.Outputs()) == 0 {
		return nil, errors.New("the network has no output")
	}
	l := &lossHead{head: headOf(g), seed: g.Outputs()[0].Name}
	l.value = l.seed
	l.labels, _ = s.Data.(calibrate.Labeled)
	for l.head != logits {
		n := g.Producer(l.seed)
		l.value, l.seed = n.Output(0), n.Input(0)
		if graph.IsStandard(n.Domain) && (n.Op == "Softmax" || n.Op == "LogSoftmax") {
			break
		}
	}
	return l, nil
}

// scores is the elements of a float32 output, n samples of several classes.
func (l *lossHead) scores(kept *exec.Kept, n int) (x []float32, classes int, err error) {
	t := kept.Value(l.value)
	if t.DType() != tensor.Float32 || t.Rank() < 1 || t.Dim(0) != n || t.Len() < 2*n {
		return nil, 0, fmt.Errorf("a loss needs an output of classes for each of %d samples, not %v: %w", n, t, errors.ErrUnsupported)
	}
	return t.F32(), t.Len() / n, nil
}

// answers is the greatest output of each sample.
func (l *lossHead) answers(kept *exec.Kept, n int) ([]int, error) {
	x, classes, err := l.scores(kept, n)
	if err != nil {
		return nil, err
	}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = max(0, argmax(x[i*classes:(i+1)*classes]))
	}
	return labels, nil
}

// cotangent is the derivative of the mean cross-entropy by the softmax's
// argument, (p - 1 at the label)/n, of shape [1, …].
func (l *lossHead) cotangent(kept *exec.Kept, labels []int) (*tensor.Tensor, error) {
	n := len(labels)
	x, classes, err := l.scores(kept, n)
	if err != nil {
		return nil, err
	}
	at := kept.Value(l.seed)
	seed := tensor.New(tensor.Float32, append([]int{1}, at.Shape()...)...)
	for i, label := range labels {
		if label < 0 || label >= classes {
			return nil, fmt.Errorf("label %d of %d classes", label, classes)
		}
		dst, src := seed.F32()[i*classes:(i+1)*classes], x[i*classes:(i+1)*classes]
		top, sum := math.Inf(-1), 0.0
		for _, v := range src {
			top = max(top, float64(v))
		}
		for _, v := range src {
			sum += math.Exp(float64(v) - top)
		}
		whole := 0.0
		for k, v := range src {
			p := float64(v)
			switch l.head {
			case logits:
				p = math.Exp(p-top) / sum
			case logProbabilities:
				p = math.Exp(p)
			}
			whole += p
			if k == label {
				p--
			}
			dst[k] = float32(p / float64(n))
		}
		if math.Abs(whole-1) > 1e-3 {
			return nil, fmt.Errorf("the probabilities of a sample add up to %.3g, so they are of more than one answer: %w", whole, errors.ErrUnsupported)
		}
	}
	return seed, nil
}

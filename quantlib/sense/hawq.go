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
// difference of two gradients, at W + h·v and W − h·v, with all weights moved at
// once and h a share of each weight's root mean square. That is four passes
// through the network for each probe and sample, forward and back.
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
	Probes int     // for each batch of samples; 0 means 8
	Step   float64 // h over the weight's root mean square; 0 means 1/128
	Seed   uint64
}

func (h HAWQ) probes() int {
	if h.Probes <= 0 {
		return 8
	}
	return h.Probes
}

func (h HAWQ) step() float64 {
	if h.Step <= 0 {
		return 1.0 / 128
	}
	return h.Step
}

// Key implements Scorer.
func (h HAWQ) Key() string {
	return fmt.Sprintf("HAWQ trace, %d probes, step %g, seed %d", h.probes(), h.step(), h.Seed)
}

// Score implements Scorer.
func (h HAWQ) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	g, list, err := newGrid(s, c, h.Key())
	if err != nil {
		return nil, err
	}
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
	back, err := s.Session.Gradient([]string{l.seed}, names)
	if err != nil {
		return nil, err
	}
	size := c.batch()
	batches := (g.Samples + size - 1) / size
	jobs := batches * h.probes()
	traces := make([][]float64, jobs) // by job and place in w.order
	g.Calls, err = each(ctx, s.Session.Threads(), jobs, func(ctx context.Context, j int) (int, error) {
		b := j / h.probes()
		lo, hi := b*size, min(g.Samples, (b+1)*size)
		var err error
		if traces[j], err = h.trace(ctx, s, l, back, names, j, lo, hi); err != nil {
			return 0, fmt.Errorf("samples %d..%d: %w", lo, hi-1, err)
		}
		return 2 * (s.Session.Calls() + back.Calls()), nil
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done, jobs)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("sense: %s: %w", h.Key(), err)
	}
	g.Full = batches * len(list) * s.Session.Calls()
	place := map[int]int{}
	for i, q := range w.order {
		place[q] = i
	}
	for _, r := range list {
		if !w.only(r) {
			continue
		}
		m := measure(jobs, func(j int) float64 {
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

// trace is one estimate of the trace for each weight.
func (h HAWQ) trace(ctx context.Context, s Subject, l *lossHead, back *exec.Gradient, names []string, job, lo, hi int) ([]float64, error) {
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
	place := map[string]int{}
	signs, steps := make([][]float32, len(names)), make([]float32, len(names))
	for i, name := range names {
		place[name] = i
		x := s.Stats.Map().Graph.Const(name).F32()
		square := 0.0
		signs[i] = make([]float32, len(x))
		for e, v := range x {
			square += float64(v) * float64(v)
			signs[i][e] = float32(1 - 2*int(r.Uint64()&1))
		}
		if square == 0 {
			square = float64(len(x)) // of zeros: a step of its own size
		}
		steps[i] = float32(h.step() * math.Sqrt(square/float64(max(1, len(x)))))
	}
	traces := make([]float64, len(names))
	for _, side := range []float32{1, -1} {
		change := exec.Change{Consts: exec.Values{}}
		for i, name := range names {
			old := s.Stats.Map().Graph.Const(name)
			t := tensor.New(tensor.Float32, old.Shape()...)
			for e, v := range old.F32() {
				t.F32()[e] = v + side*steps[i]*signs[i][e]
			}
			change.Consts[name] = t
		}
		v, err := s.Session.With(change)
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
		err = back.Run(ctx, kept, exec.Values{l.seed: seed}, func(name string, g *tensor.Tensor) {
			i := place[name]
			sum := 0.0
			for e, v := range g.F32() {
				sum += float64(v) * float64(signs[i][e])
			}
			traces[i] += float64(side) * sum / (2 * float64(steps[i]))
		})
		if err != nil {
			return nil, err
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

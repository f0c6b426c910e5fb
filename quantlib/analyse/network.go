package analyse

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Config are the settings of an analysis. The zero value is useful.
type Config struct {
	Methods  calibrate.Methods // how ranges are chosen
	Samples  int               // at most so many; 0 means all
	Batch    int               // samples in one run; 0 means 16
	Threads  int               // workers; 0 means GOMAXPROCS. The result is the same
	Progress func(done, total int)
}

// A Tensor is one value of the network with the whole plan in force, compared with
// the float network on the same samples.
type Tensor struct {
	Value string
	Node  string // that makes it; "" for an input of the network
	Op    string
	// Signal is of the float value, Noise of the difference quantized − float.
	Signal, Noise                   Moments
	SignalHistogram, NoiseHistogram Histogram
	// NSR is the noise-to-signal power Σ(q−f)²/Σf² of one sample, averaged over
	// samples: the error that has gathered in the network up to here. StdErr is the
	// standard error of that mean, NaN of one sample. Samples whose value is all zeros
	// are left out; NaN where there is no other. Where the value's first axis is not
	// that of the samples, each batch counts as one.
	NSR, StdErr float64
	Cosine      float64 // of float and quantized value, over all samples

	// Where the plan has a quantizer on the value:
	Scheme quant.Scheme // the zero Scheme where it has none
	// Own is the noise-to-signal power, over all samples, of quantizing the float
	// value: what the quantizer itself adds. NaN without one.
	Own     float64
	Clipped float64 // share of values beyond the range by more than half a step; 0 where channels have scales of their own
}

// SQNR is −10·log10 NSR, in dB: of the noise gathered up to here.
func (t *Tensor) SQNR() float64 { return quant.Decibel(t.NSR) }

// OwnSQNR is −10·log10 Own, in dB: of the value's own quantizer. NaN without one.
func (t *Tensor) OwnSQNR() float64 { return quant.Decibel(t.Own) }

// Report is the graph-wise analysis: everything that the plan quantizes is
// quantized at once, and the error is taken at each value.
type Report struct {
	Samples int
	Tensors []Tensor // inputs first, then in the order the nodes run
	Outputs []string // of the network
	Hints   []Hint   // by kind, then in graph order
}

// Tensor is the one of that name, nil if the analysis has none.
func (r *Report) Tensor(value string) *Tensor {
	for i := range r.Tensors {
		if r.Tensors[i].Value == value {
			return &r.Tensors[i]
		}
	}
	return nil
}

// Network runs the float network and the quantized one side by side over the
// samples, which should be others than those of the calibration, and takes the
// statistics of each float32 value of the graph, those inside a fusion included, in
// one pass. Memory does not grow with the number of samples, and the result is the
// same to the bit on any number of threads.
func Network(ctx context.Context, st *calibrate.Stats, p plan.Plan, data calibrate.Samples, c Config) (*Report, error) {
	m := st.Map()
	if p.Map() != m {
		return nil, fmt.Errorf("analyse: the plan is of another network than the statistics")
	}
	w, err := newWatcher(ctx, st, p, c, nil)
	if err != nil {
		return nil, err
	}
	all, n, err := w.watch(ctx, data, c)
	if err != nil {
		return nil, err
	}
	r := &Report{Samples: n}
	for _, o := range m.Graph.Outputs() {
		r.Outputs = append(r.Outputs, o.Name)
	}
	for i := range w.names {
		s := &all.values[i]
		if !s.seen() {
			continue // not float32, or not computed
		}
		t := w.tensor(i, s)
		r.Tensors = append(r.Tensors, t)
	}
	r.Hints = w.hints(all)
	return r, nil
}

// tensor is the summary of what was seen of value i.
func (w *watcher) tensor(i int, s *value) Tensor {
	name := w.names[i]
	t := Tensor{Value: name, Own: math.NaN()}
	if n := w.stats.Map().Graph.Producer(name); n != nil {
		t.Node, t.Op = n.Name, n.Op
	}
	t.Signal, t.SignalHistogram = summary(s.signal)
	t.Noise, t.NoiseHistogram = summary(s.noise)
	t.NSR, t.StdErr = s.mean()
	t.Cosine = s.error.Cosine()
	if q := w.quantizers[name]; q != nil {
		t.Scheme, t.Own = q.scheme, s.own.NSR()
		if s.own.Count > 0 {
			t.Clipped = float64(s.clipped) / float64(s.own.Count)
		}
	}
	return t
}

// String is a table of the values, with the noise that has gathered and what the
// value's own quantizer adds, and the hints.
func (r *Report) String() string {
	t := newTable("value", "operator", "format", "SQNR (dB)", "own (dB)", "clipped (%)", "mean", "std", "min", "max", "noise mean", "noise std")
	for i := range r.Tensors {
		v := &r.Tensors[i]
		op, format, own, clipped := v.Op, "", "", ""
		if op == "" {
			op = "input"
		}
		if !v.Scheme.IsFloat32() {
			format, own, clipped = v.Scheme.String(), decibel(v.OwnSQNR()), number(100*v.Clipped)
		}
		t.row(graph.Printable(v.Value), graph.Printable(op), format, decibel(v.SQNR()), own, clipped,
			number(v.Signal.Mean), number(v.Signal.Std), number(v.Signal.Min), number(v.Signal.Max), number(v.Noise.Mean), number(v.Noise.Std))
	}
	var b strings.Builder
	b.WriteString(t.String())
	hints(&b, r.Hints)
	fmt.Fprintf(&b, "%d samples\n", r.Samples)
	return b.String()
}

package nb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// whatIf is the state of one Interact.
type whatIf struct {
	id    string
	study *quantlib.Study
	m     *plan.Map
	probe *quantlib.Probe
	quick int // samples of a quick answer

	start, plan quantlib.Plan
	before, now quantlib.Accuracy // of start and plan
	seconds     [2]float64        // predicted, of start and plan; 0 where the device's figures are not known
	layer       int               // as in move
	taken       *quantlib.Plan
	tried       []chart.Point // size and noise of the plans before
	uniform     chart.Line    // size and noise of uniform widths

	number int
	status string
	spent  time.Duration // on the last move
	found  time.Duration // until the browser answered
}

func newWhatIf(ctx context.Context, s *quantlib.Study, p quantlib.Plan, o Interaction) (*whatIf, error) {
	if s == nil || s.Model == nil {
		return nil, errors.New("nb: Interact needs a study with a model")
	}
	m, err := s.Map()
	if err != nil {
		return nil, err
	}
	if p.Map() != m {
		return nil, errors.New("nb: Interact: the plan is of another model or profile than the study's")
	}
	var raw [6]byte
	rand.Read(raw[:]) // never fails
	w := &whatIf{id: hex.EncodeToString(raw[:]), study: s, m: m, start: p, plan: p}
	if o.Layer != "" {
		i, err := m.Layer(o.Layer)
		if err != nil {
			return nil, err
		}
		w.layer = i + 1
	}
	if w.probe, err = s.Probe(ctx, o.Samples); err != nil {
		return nil, err
	}
	w.quick = w.probe.Samples()
	for range 2 { // the first run packs weights
		began := time.Now()
		if w.before, err = w.probe.First(ctx, p, w.quick); err != nil {
			return nil, err
		}
		if spent := time.Since(began); o.Samples == 0 && spent > quickAnswer {
			w.quick = max(32, int(float64(w.quick)*float64(quickAnswer)/float64(spent)))
		}
	}
	w.now = w.before
	if w.seconds[0], err = w.latency(ctx, p); err != nil {
		return nil, err
	}
	w.seconds[1] = w.seconds[0]
	return w, nil
}

// measure answers for the plan at once, on few samples.
func (w *whatIf) measure(ctx context.Context) error {
	a, err := w.probe.First(ctx, w.plan, w.quick)
	if err != nil {
		return err
	}
	if w.now.Samples > 0 && !w.plan.Equal(w.start) {
		w.remember(point(w.plan, w.now))
	}
	w.now = a
	w.seconds[1], err = w.latency(ctx, w.plan)
	return err
}

// latency is the predicted seconds of a plan for one sample, 0 where the device's
// figures are not known.
func (w *whatIf) latency(ctx context.Context, p quantlib.Plan) (float64, error) {
	if !w.m.Profile.HasLatency() {
		return 0, nil
	}
	r, err := w.study.Roofline(ctx, p)
	if err != nil {
		return 0, err
	}
	return r.Seconds, nil
}

// remember keeps the plans tried, the last hundred of them.
func (w *whatIf) remember(p chart.Point) {
	p.X, p.Y = float64(w.plan.Bytes()), w.now.Noise.NSR.Mean
	if n := len(w.tried); n > 0 && w.tried[n-1] == p {
		return
	}
	w.tried = append(w.tried, p)
	if len(w.tried) > 100 {
		w.tried = slices.Delete(w.tried, 0, 1)
	}
}

func point(p quantlib.Plan, a quantlib.Accuracy) chart.Point {
	return chart.Point{X: float64(p.Bytes()), Y: a.Noise.NSR.Mean}
}

// referenceWidths are the uniform plans drawn for comparison.
var referenceWidths = []int{2, 3, 4, 5, 6, 8}

// improve does one piece of what can be done while the controls rest: a point of
// the uniform plans, or the numbers of the plan in hand, or of the one at the
// start, on all samples. It returns what to take up from that, nil if there is
// nothing left or ctx was stopped.
func (w *whatIf) improve(ctx context.Context) func() {
	if k := len(w.uniform.X); k < len(referenceWidths) {
		bits := referenceWidths[k]
		u, err := w.study.Uniform(bits, bits)
		if err != nil { // the device does not offer it
			return func() { w.uniform.X, w.uniform.Y = append(w.uniform.X, math.NaN()), append(w.uniform.Y, math.NaN()) }
		}
		a, err := w.probe.First(ctx, u, w.quick)
		if err != nil {
			return nil
		}
		p := point(u, a)
		return func() { w.uniform.X, w.uniform.Y = append(w.uniform.X, p.X), append(w.uniform.Y, p.Y) }
	}
	for _, x := range []struct {
		p quantlib.Plan
		a *quantlib.Accuracy
	}{{w.plan, &w.now}, {w.start, &w.before}} {
		if x.a.Samples > w.quick || w.quick >= w.probe.Samples() && x.a.Samples >= w.probe.Samples() && w.whole() <= w.probe.Samples() {
			continue
		}
		a, err := w.probe.All(ctx, x.p)
		if err != nil || a.Samples <= x.a.Samples {
			return nil
		}
		return func() { *x.a = a }
	}
	return nil
}

// whole is the number of test samples.
func (w *whatIf) whole() int {
	data := w.study.Test
	if data == nil {
		data = w.study.Calibration
	}
	return data.Len()
}

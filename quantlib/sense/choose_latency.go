package sense

import (
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// On is the table with the shapes of its network and a device, so that Latency
// and MeanActivationBits are costs too. The device may be another than the one
// whose rules placed the quantizers; nil is that one.
//
// The latency of a plan is the sum over the network's units of Profile.Seconds,
// by the roofline or by the device's measured table. A unit may depend on widths
// that are decided elsewhere: what a layer writes is stored at the width of the
// layers that read it. Choices and frontiers take that as it is (see alloc.Coupling).
//
// A workload of another network is an error.
func (t *Table) On(w *Workload, p *hardware.Profile) (*Table, error) {
	if len(w.MACs) != len(t.m.Layers) || len(w.Elements) != len(t.m.Ties) {
		return nil, fmt.Errorf("sense: a workload of %d layers and %d ties for a grid of %d and %d", len(w.MACs), len(w.Elements), len(t.m.Layers), len(t.m.Ties))
	}
	if p == nil {
		p = t.m.Profile
	}
	on := *t
	on.macs, on.work, on.device = w.MACs, w, p
	on.elements = 0
	for tie, n := range w.Elements {
		if on.alone[tie] != nil {
			on.elements += n
		}
	}
	return &on, nil
}

// Latency is the seconds that one sample takes under a plan; NaN without a device
// (see On), 0 where its profile has no figures. It panics if the plan is of
// another network.
func (t *Table) Latency(p plan.Plan) float64 {
	t.own(p)
	if t.work == nil {
		return math.NaN()
	}
	return t.work.Seconds(t.device, func(tie int) int { return p.Tie(tie).Width() })
}

// MeanActivationBits is the mean width over all elements of activations that have
// a quantizer, for one sample; NaN without shapes (see On). It panics if the plan
// is of another network.
func (t *Table) MeanActivationBits(p plan.Plan) float64 {
	t.own(p)
	if t.work == nil || t.elements == 0 {
		return math.NaN()
	}
	sum := 0.0
	for tie, n := range t.work.Elements {
		if t.alone[tie] != nil {
			sum += float64(n) * float64(p.Tie(tie).Width())
		}
	}
	return sum / float64(t.elements)
}

// own panics if a plan is of another network.
func (t *Table) own(p plan.Plan) {
	if p.Map() != t.m {
		panic("sense: the plan is of another network than the grid")
	}
}

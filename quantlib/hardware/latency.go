package hardware

import (
	"cmp"
	"math"
	"slices"
)

// Unit is a pair of widths that the device multiplies natively.
type Unit struct {
	Weight     int     `json:"weight"`     // bits; Float32 for floating point
	Activation int     `json:"activation"` // bits
	MACs       float64 `json:"macs"`       // multiply-accumulates per second
}

// Work is what a node, or several fused ones, does in one run. Bits of 0 mean
// Float32.
type Work struct {
	Node  string // its name, for measured tables
	Op    string // ONNX's name of the operator
	Class string // a shape class of the user's own naming, for measured tables

	MACs    int64 // multiply-accumulates
	Weights int64 // elements
	Inputs  int64 // elements of all activations read
	Outputs int64 // elements of all activations written

	WeightBits, InputBits, OutputBits int // as stored in memory
}

func width(bits int) int {
	if bits == 0 {
		return Float32
	}
	return bits
}

// Fuse is the work of nodes that run as one: what one writes for the next does
// not go through memory. It is named after the first. Inputs that come from
// outside, as the other operand of an Add, stay. It panics without works.
func Fuse(works ...Work) Work {
	out := works[0]
	for i, w := range works[1:] {
		out.MACs += w.MACs
		out.Weights += w.Weights
		out.Inputs += max(0, w.Inputs-works[i].Outputs)
		out.Outputs, out.OutputBits = w.Outputs, w.OutputBits
		if out.WeightBits == 0 && works[i].Weights == 0 {
			out.WeightBits = w.WeightBits
		}
	}
	return out
}

// Bound says what a node's time is made of, for the most part.
type Bound string

const (
	Unknown    Bound = ""        // the profile has no figures
	ByCompute  Bound = "compute" // arithmetic
	ByMemory   Bound = "memory"  // bytes moved
	ByPacking  Bound = "packing" // widths that memory or arithmetic does not have
	ByLaunch   Bound = "launch"  // starting it
	ByMeasured Bound = "measured"
)

// Native is the unit that computes a pair of widths: of those at least as wide
// in both the fastest, and of equally fast ones the narrowest, since narrower
// values are computed as wider ones. ok is false if there is none.
func (p *Profile) Native(weight, activation int) (u Unit, ok bool) {
	weight, activation = width(weight), width(activation)
	for _, v := range p.Units {
		if v.Weight < weight || v.Activation < activation {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(v.MACs, u.MACs), cmp.Compare(u.Weight+u.Activation, v.Weight+v.Activation)) > 0 {
			u, ok = v, true
		}
	}
	return u, ok
}

// Stored is the width that a value of the given width takes in memory, and
// whether it has to be unpacked on reading and packed on writing.
func (p *Profile) Stored(bits int) (stored int, packed bool) {
	bits = width(bits)
	if len(p.Storage) == 0 || slices.Contains(p.Storage, bits) {
		return bits, false
	}
	if p.Pack > 0 {
		return bits, true
	}
	next := 0
	for _, s := range p.Storage {
		if s > bits && (next == 0 || s < next) {
			next = s
		}
	}
	if next == 0 {
		return bits, false // wider than all: as it is
	}
	return next, false
}

// Estimate is how a time came about. Its parts overlap, see Seconds.
type Estimate struct {
	Seconds float64
	Bound   Bound
	Unit    Unit    // that computes it; zero if none is known
	Bytes   float64 // moved
	Compute float64 // seconds of arithmetic
	Memory  float64 // seconds of moving bytes
	Packing float64 // seconds of packing and unpacking
}

// Seconds predicts the time of one node. A measurement that fits goes first;
// otherwise it is the roofline
//
//	launch + max(compute + packing, memory)
//
// with compute = MACs over the speed of the native unit that covers the widths
// (a 6-bit product runs as an 8-bit one), or elements written over Elementwise
// where there are no MACs; memory = bytes at the stored widths over bandwidth;
// packing = elements whose width memory does not hold as such over Pack. The
// bound is the largest part: packing if it is more than half of compute and
// packing together, launch if it is more than the rest.
//
// It is 0 and Unknown for a profile without figures, and for MACs which no unit
// of the profile covers.
func (p *Profile) Seconds(w Work) (seconds float64, bound Bound) {
	e := p.Estimate(w)
	return e.Seconds, e.Bound
}

// Estimate is Seconds with its parts.
func (p *Profile) Estimate(w Work) Estimate {
	var e Estimate
	packing := 0.0
	for _, part := range []struct {
		n    int64
		bits int
	}{{w.Weights, w.WeightBits}, {w.Inputs, w.InputBits}, {w.Outputs, w.OutputBits}} {
		stored, packed := p.Stored(part.bits)
		e.Bytes += math.Ceil(float64(part.n) * float64(stored) / 8)
		if packed {
			packing += float64(part.n)
		}
	}
	covered := false
	switch {
	case w.MACs == 0:
	case w.Weights == 0 && w.WeightBits == 0: // a product of two activations
		e.Unit, covered = p.Native(w.InputBits, w.InputBits)
	default:
		e.Unit, covered = p.Native(w.WeightBits, w.InputBits)
	}
	if m, ok := p.measured(w); ok {
		e.Seconds, e.Bound = m, ByMeasured
		return e
	}
	switch {
	case w.MACs > 0 && len(p.Units) > 0 && !covered:
		return e
	case w.MACs > 0 && covered:
		e.Compute = float64(w.MACs) / e.Unit.MACs
	case w.MACs == 0 && p.Elementwise > 0:
		e.Compute = float64(w.Outputs) / p.Elementwise
	}
	if p.Memory > 0 {
		e.Memory = e.Bytes / p.Memory
	}
	if p.Pack > 0 {
		e.Packing = packing / p.Pack
	}
	busy := max(e.Compute+e.Packing, e.Memory)
	e.Seconds = p.Launch + busy
	switch {
	case e.Seconds == 0:
	case p.Launch > busy:
		e.Bound = ByLaunch
	case e.Memory >= e.Compute+e.Packing:
		e.Bound = ByMemory
	case e.Packing > e.Compute:
		e.Bound = ByPacking
	default:
		e.Bound = ByCompute
	}
	return e
}

// Measurement is a measured time. It fits a node of its name, or if it names
// none, nodes of its operator and class; and of its widths.
type Measurement struct {
	Node           string  `json:"node,omitempty"`
	Op             string  `json:"op,omitempty"`
	Class          string  `json:"class,omitempty"`
	WeightBits     int     `json:"weight_bits,omitempty"`     // 0 means any
	ActivationBits int     `json:"activation_bits,omitempty"` // 0 means any
	Seconds        float64 `json:"seconds"`
}

// measured looks a work up: by name first, then by operator and class; exact
// widths before any width; the first of equals.
func (p *Profile) measured(w Work) (seconds float64, ok bool) {
	best := -1
	for _, m := range p.Measured {
		rank := 0
		switch {
		case m.Node != "" && m.Node == w.Node:
			rank = 4
		case m.Node == "" && m.Op == w.Op && m.Class == w.Class:
		default:
			continue
		}
		if m.WeightBits != 0 {
			if m.WeightBits != width(w.WeightBits) {
				continue
			}
			rank++
		}
		if m.ActivationBits != 0 {
			if m.ActivationBits != width(w.InputBits) {
				continue
			}
			rank++
		}
		if rank > best {
			best, seconds, ok = rank, m.Seconds, true
		}
	}
	return seconds, ok
}

// Row is one line of a roofline.
type Row struct {
	Work
	Estimate
	Intensity  float64 // MACs per byte moved; 0 where no bytes move
	Balance    float64 // MACs per byte at which the device is as fast in arithmetic as in memory; 0 if unknown
	Attainable float64 // MACs per second that intensity allows, at most the unit's; 0 if unknown
}

// Roofline sets each work against the device: below Balance a layer waits for
// memory, and narrower arithmetic gains it nothing; above, it waits for
// arithmetic, and narrower storage gains it nothing.
func (p *Profile) Roofline(works []Work) []Row {
	rows := make([]Row, len(works))
	for i, w := range works {
		r := Row{Work: w, Estimate: p.Estimate(w)}
		if r.Bytes > 0 {
			r.Intensity = float64(w.MACs) / r.Bytes
		}
		if p.Memory > 0 && r.Unit.MACs > 0 {
			r.Balance = r.Unit.MACs / p.Memory
			r.Attainable = min(r.Unit.MACs, r.Intensity*p.Memory)
		}
		rows[i] = r
	}
	return rows
}

// HasLatency reports whether the profile says anything about time.
func (p *Profile) HasLatency() bool {
	return len(p.Units) > 0 || p.Memory > 0 || p.Elementwise > 0 || p.Launch > 0 || p.Pack > 0 || len(p.Measured) > 0
}

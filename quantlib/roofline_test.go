package quantlib_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

func TestRooflineAddsUpToLatency(t *testing.T) {
	ctx := context.Background()
	s := newStudy(t, 24, 10)
	s.Samples, s.Profile = 8, hardware.NPU()
	uniform := func(w, a int) quantlib.Plan {
		t.Helper()
		p, err := s.Uniform(w, a)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	r, err := s.Roofline(ctx, uniform(8, 8))
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(ctx, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	if l := table.Latency(uniform(8, 8)); !(l > 0) || math.Abs(l-r.Seconds) > 1e-12*l {
		t.Errorf("the roofline adds up to %v s, the latency is %v", r.Seconds, l)
	}
	macs := int64(0)
	for _, row := range r.Rows {
		macs += row.MACs
		if row.Seconds > 0 && row.Bound == hardware.Unknown || row.MACs > 0 && math.Abs(row.Intensity-float64(row.MACs)/row.Bytes) > 1e-9 {
			t.Errorf("row %+v", row)
		}
	}
	if ops := table.BOPs(uniform(8, 8)); macs == 0 || float64(macs)*64 != ops {
		t.Errorf("%d multiply-accumulates, %v bit operations at 8 by 8 bits", macs, ops)
	}
	if text := r.String(); !strings.Contains(text, "npu") || strings.Count(text, "\n") != len(r.Rows)+2 {
		t.Errorf("got\n%s", text)
	}
	// A measured table goes before the roofline.
	layer := r.Rows[0].Node
	s.Profile = hardware.NPU()
	if s.Profile.Measured, err = hardware.ReadMeasured(strings.NewReader(`[{"node": "` + layer + `", "seconds": 0.25}]`)); err != nil {
		t.Fatal(err)
	}
	measured, err := s.Roofline(ctx, uniform(8, 8))
	if err != nil {
		t.Fatal(err)
	}
	if row := measured.Rows[0]; row.Seconds != 0.25 || row.Bound != hardware.ByMeasured {
		t.Errorf("row %+v, want the measured quarter of a second", row)
	}
	if _, err := s.Roofline(ctx, quantlib.Plan{}); err == nil {
		t.Error("a plan of no model is no error")
	}
}

func TestPlansUnderLatency(t *testing.T) {
	notShort(t)
	ctx := context.Background()
	s := newStudy(t, 24, 10)
	s.Samples, s.Profile = 8, hardware.NPU()
	sp := quantlib.Space{Weights: []int{4, 8}, Activations: []int{4, 8}}
	f, err := s.Frontier(ctx, sp, quantlib.Latency)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Points) < 2 {
		t.Fatalf("%d points", len(f.Points))
	}
	noise := math.Inf(1)
	for _, i := range f.Thin(samples(8)) { // a limit that is relaxed never costs noise
		c, err := s.Choose(ctx, sp, quantlib.Limits{Seconds: f.Points[i].Cost * (1 + 1e-9)})
		if err != nil {
			t.Fatal(err)
		}
		if c.Seconds > f.Points[i].Cost*(1+1e-8) || c.Noise.Mean > noise*(1+1e-9) {
			t.Errorf("limit %v s: %v s, noise %v after %v", f.Points[i].Cost, c.Seconds, c.Noise.Mean, noise)
		}
		noise = c.Noise.Mean
	}
	// No plan lies below the frontier, whatever it was chosen for.
	limits := []float64{0.003, 0.01, 0.03, 0.1}
	if quick() {
		limits = limits[1:2]
	}
	for _, x := range limits {
		fast, err := s.TargetNoise(ctx, sp, quantlib.Latency, x)
		if err != nil {
			t.Fatal(err)
		}
		small, err := s.TargetNoise(ctx, sp, quantlib.Bytes, x)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []quantlib.Choice{fast, small} {
			if i := f.Within(c.Seconds * (1 + 1e-9)); i < 0 || f.Points[i].Noise > c.Noise.Mean*(1+1e-9) {
				t.Errorf("noise %v: a plan of %v s and noise %v lies below the frontier", x, c.Seconds, c.Noise.Mean)
			}
		}
		if i := f.Below(x); math.Abs(f.Points[i].Cost-fast.Seconds) > 1e-9*fast.Seconds {
			t.Errorf("noise %v: the frontier says %v s, the fastest plan %v", x, f.Points[i].Cost, fast.Seconds)
		}
	}
	s.Profile = nil
	if _, err := s.Frontier(ctx, sp, quantlib.Latency); err == nil || !strings.Contains(err.Error(), "simulation") {
		t.Errorf("without a device: %v", err)
	}
}

func TestRefinedPlanIsNoNoisierThanTheFirst(t *testing.T) {
	long(t, "measures dozens of plans")
	ctx := context.Background()
	s := newStudy(t, 48, 200)
	s.Samples = 32
	sp := quantlib.Space{Weights: []int{2, 4, 8}, Activations: []int{8}}
	r, err := s.Refine(ctx, sp, quantlib.Limits{MeanWeightBits: 4}, 8)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Choose(ctx, sp, quantlib.Limits{MeanWeightBits: 4})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Tried[r.First].Plan.Equal(first.Plan) || r.Accuracy.Noise.NSR.Mean > r.Tried[r.First].Measured.Mean || r.MeanBits > 4*(1+1e-9) {
		t.Errorf("got %v", r)
	}
	if target, err := s.TargetDrop(ctx, sp, quantlib.Bytes, 0.05); err != nil || target.Float.Top1.Mean-target.Accuracy.Top1.Mean > 0.05+1e-9 {
		t.Errorf("a drop of 5 points: %+v, %v", target, err)
	}
	// A correction by what Check measured reaches the predictions of tables.
	k, err := s.Check(ctx, sp, quantlib.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	off := func() float64 {
		t.Helper()
		table, err := s.Table(ctx, 2, 3, 4, 5, 6, 8)
		if err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for _, p := range k.Points {
			n, err := table.Predict(p.Plan)
			if err != nil {
				t.Fatal(err)
			}
			d := 10 * math.Log10(p.Measured.Mean/n.Mean)
			square += d * d
		}
		return math.Sqrt(square / float64(len(k.Points)))
	}
	before := off()
	s.Correction = k
	if after := off(); !(after < before/2) {
		t.Errorf("predictions of measured plans are %.2f dB off before the correction, %.2f after", before, after)
	}
}

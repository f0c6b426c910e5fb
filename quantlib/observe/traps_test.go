package observe

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// noise is the squared error that a method's choice leaves on x.
func noise(t *testing.T, m Shared, x []float32, s quant.Scheme) (err float64, lo, hi float32) {
	t.Helper()
	c := NewCollector()
	c.Observe(x)
	lo, hi, e := m.Range(c, s)
	if e != nil {
		t.Fatalf("%v %v: %v", m, s, e)
	}
	return measured(x, make([]float32, len(x)), lo, hi, s), lo, hi
}

func TestKLClipsOutliersAtEightBits(t *testing.T) {
	x := gaussian(1<<16, 3)
	x[0], x[1] = 40, -40
	_, _, hi := noise(t, KL{}, x, quant.Int(8))
	if !(hi > 2 && hi < 10) {
		t.Errorf("clip %v of a unit Gaussian with two values at 40", hi)
	}
}

// A search that stretches the range instead of clipping it, or a histogram too
// coarse for the step, gives ranges many times too wide at 16 bits.
func TestMSEIsNotTooWideAtSixteenBits(t *testing.T) {
	for _, d := range distributions {
		x := draw(1<<15, 5, d.draw)
		c := NewCollector()
		c.Observe(x)
		for _, s := range []quant.Scheme{quant.Int(16), quant.Uint(16)} {
			lo, hi, err := MSE{}.Range(c, s)
			if err != nil {
				t.Fatal(err)
			}
			if most := max(-c.min, c.max); hi > most*1.01 || lo < -most*1.01 {
				t.Errorf("%s %v: range %v..%v of values %v..%v", d.name, s, lo, hi, c.min, c.max)
			}
		}
	}
}

// Searching with the range of one bit more would double the clip at 2 to 4
// bits: the known best clips of a Gaussian on signed grids.
func TestSymmetricMSEAtFewBits(t *testing.T) {
	x := gaussian(1<<17, 6)
	for bits := 2; bits <= 4; bits++ {
		s := quant.Int(bits)
		e, _, hi := noise(t, MSE{}, x, s)
		for _, factor := range []float32{0.5, 0.8, 1.25, 2} {
			if other := measured(x, make([]float32, len(x)), -hi*factor, hi*factor, s); other < e*1.005 {
				t.Errorf("%v: %v times the clip %v has error %.5g, the chosen one %.5g", s, factor, hi, other, e)
			}
		}
	}
}

func TestEveryMethodWorksPerChannel(t *testing.T) {
	const channels, inner, n = 3, 49, 40
	scales := []float64{0.01, 1, 100}
	x := make([]float32, n*channels*inner)
	g := gaussian(len(x), 8)
	for i := range x {
		x[i] = g[i] * float32(scales[i/inner%channels])
	}
	q := make([]float32, len(x))
	for _, m := range methods {
		for b := 2; b <= 16; b++ {
			s := quant.Int(b)
			cs := NewChannels(channels)
			for i := range n {
				cs.ObserveBatch(i, x[i*channels*inner:(i+1)*channels*inner], inner)
			}
			p, err := cs.Params(m, s)
			if err != nil {
				t.Fatalf("%v %v: %v", m, s, err)
			}
			p.FakeQuantize(q, x, quant.Channels([]int{n, channels, inner}, 1), s.PerChannel())
			// Each channel is as good as a tensor of its own, whatever the others are.
			for k := range channels {
				var f, y []float32
				for i := range x {
					if i/inner%channels == k {
						f, y = append(f, x[i]), append(y, q[i])
					}
				}
				own := NewCollector()
				for i := range n {
					own.ObserveBatch(i, f[i*inner:(i+1)*inner])
				}
				scale, zero, err := Params(m, own, s)
				if err != nil {
					t.Fatal(err)
				}
				alone := make([]float32, len(f))
				quant.FakeQuantize(alone, f, scale, zero, s)
				limit := 0.5 // dB; the bins of channels are four times as wide
				if m == (KL{}) {
					limit = 1.5 // its rule does not look at the error
				}
				if got, want := quant.SQNR(f, y), quant.SQNR(f, alone); got < want-limit {
					t.Errorf("%v %v: channel %d has %.1f dB, alone %.1f", m, s, k, got, want)
				}
			}
		}
	}
}

// Values already quantized to 8 bits survive 8 bits.
func TestMSEFindsTheGridOfQuantizedData(t *testing.T) {
	x := make([]float32, 1<<14)
	for i := range x {
		x[i] = float32(i * 7919 % 256)
	}
	if e, lo, hi := noise(t, MSE{}, x, quant.Uint(8)); e > 1e-6 {
		t.Errorf("integers 0..255 at 8 bits: error %v, range %v..%v", e, lo, hi)
	}
}

func TestWeightsAreSearchedGranuleByGranule(t *testing.T) {
	w := draw(8*16*9, 3, distributions[4].draw)
	shape := []int{8, 16, 3, 3}
	q := make([]float32, len(w))
	for _, s := range everyScheme() {
		for _, s := range []quant.Scheme{s.PerTensor(), s.PerChannel(), s.PerGroup(4)} {
			l := quant.For(shape, 0, 1, s)
			p, err := Weights(w, l, s, MSE{})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Validate(s, l.Granules()); err != nil {
				t.Fatal(err)
			}
			p.FakeQuantize(q, w, l, s)
			mse := quant.MSE(w, q)
			quant.Weights(w, l, s).FakeQuantize(q, w, l, s)
			if minmax := quant.MSE(w, q); mse > minmax*(1+1e-6) {
				t.Errorf("%v: searched %.5g, min–max %.5g", s, mse, minmax)
			}
		}
	}
}

package observe_test

import (
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// One pass over the data serves every width.
func ExampleParams() {
	c := observe.NewCollector()
	for batch := range 4 {
		x := make([]float32, 1000)
		for i := range x {
			x[i] = float32(math.Max(0, math.Sin(float64(batch*1000+i))))
		}
		c.Observe(x)
	}
	for _, bits := range []int{2, 4, 8} {
		scale, zero, err := observe.Params(observe.MSE{}, c, quant.Uint(bits))
		lo, hi := quant.Uint(bits).Reals(scale, zero)
		fmt.Printf("%d bits: %.2f..%.2f %v\n", bits, lo, hi, err)
	}
	// Output:
	// 2 bits: 0.00..0.93 <nil>
	// 4 bits: 0.00..0.99 <nil>
	// 8 bits: 0.00..1.00 <nil>
}

// peak is a calibration rule of one's own: half of the largest magnitude.
type peak struct{ most float32 }

func (p *peak) Observe(x []float32) {
	for _, v := range x {
		if a := float32(math.Abs(float64(v))); a <= math.MaxFloat32 {
			p.most = max(p.most, a)
		}
	}
}

func (p *peak) Range() (lo, hi float32, err error) {
	if p.most == 0 {
		return 0, 0, observe.ErrNoData
	}
	return -p.most / 2, p.most / 2, nil
}

func ExampleFunc() {
	m := observe.Func("half peak", func(quant.Scheme) observe.Observer { return new(peak) })
	o := m.New(quant.Int(8))
	o.Observe([]float32{1, -4, 2})
	fmt.Println(m)
	fmt.Println(o.Range())
	// Output:
	// half peak
	// -2 2 <nil>
}

// SearchClip needs nothing but the loss of a clip, measured anywhere.
func ExampleSearchClip() {
	x := []float32{0.1, -0.4, 0.3, 0.9, -1.1, 0.2, 2.2}
	q := make([]float32, len(x))
	clip, loss := observe.SearchClip(func(clip float64) float64 {
		scale, zero := quant.ParamsFromRange(-float32(clip), float32(clip), quant.Int(4))
		quant.FakeQuantize(q, x, scale, zero, quant.Int(4))
		most := 0.0
		for i := range x { // the largest error, instead of the mean square
			most = max(most, math.Abs(float64(q[i]-x[i])))
		}
		return most
	}, 2.2, 4, 16)
	fmt.Printf("clip %.1f, largest error %.2f\n", clip, loss)
	// Output:
	// clip 2.1, largest error 0.10
}

func ExampleWeights() {
	w := []float32{0.1, 0.2, -0.1, 3, 0.15, -0.2, 0.05, 0.1}
	l := quant.Channels([]int{2, 4}, 0)
	p, err := observe.Weights(w, l, quant.Int(2).PerChannel(), observe.MSE{})
	fmt.Printf("%.2f %v\n", p.Scale, err)
	// Output:
	// [3.00 0.11] <nil>
}

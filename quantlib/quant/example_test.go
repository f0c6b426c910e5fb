package quant_test

import (
	"encoding/json"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func ExampleFakeQuantize() {
	x := []float32{-1, -0.3, 0, 0.2, 0.9}
	s := quant.Int(4)
	scale, zero := quant.ParamsFromRange(-1, 1, s)
	q := make([]float32, len(x))
	quant.FakeQuantize(q, x, scale, zero, s)
	fmt.Printf("scale %.4f, zero point %d\n%.3f\n%.1f dB\n", scale, zero, q, quant.SQNR(x, q))
	// Output:
	// scale 0.1429, zero point 0
	// [-1.000 -0.286 0.000 0.143 0.857]
	// 25.6 dB
}

func ExampleWeights() {
	w := []float32{ // Conv [O=2, I=1, 1, 3]
		0.5, -1, 0.25,
		8, 4, -2,
	}
	s := quant.Int(8).PerChannel()
	layout := quant.For([]int{2, 1, 1, 3}, 0, 1, s)
	p := quant.Weights(w, layout, s)
	q := make([]float32, len(w))
	p.FakeQuantize(q, w, layout, s)
	fmt.Printf("scales %.4f\n%.2f\n", p.Scale, q)
	// Output:
	// scales [0.0079 0.0630]
	// [0.50 -1.00 0.25 8.00 4.03 -2.02]
}

func ExampleParseScheme() {
	s, err := quant.ParseScheme("int4 per-group=32")
	fmt.Println(s.Bits, s.Granularity, s.GroupSize, err)
	lo, hi := s.Range()
	fmt.Println(lo, hi)
	data, _ := json.Marshal(quant.Uint(8))
	fmt.Println(string(data))
	_, err = quant.ParseScheme("int4 per-row")
	fmt.Println(err)
	// Output:
	// 4 per-group 32 <nil>
	// -8 7
	// "uint8"
	// quant: scheme "int4 per-row": unknown word "per-row"
}

func ExampleQuantize() {
	codes := make([]int32, 4)
	quant.Quantize(codes, []float32{0.5, 1.5, 2.5, 300}, 1, 10, quant.Uint(8))
	fmt.Println(codes)
	// Output: [10 12 12 255]
}

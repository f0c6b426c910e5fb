package nb_test

import (
	"errors"

	nb "github.com/quantnb/quantnb/kernelext"
	"github.com/quantnb/quantnb/kernelext/chart"
)

// Outside a notebook a figure prints its numbers.
func ExampleShow() {
	nb.Show(chart.Bars(chart.BarData{
		Title: "One layer at 4 bits", Name: "SQNR", Unit: "dB", Order: chart.Ascending,
		Labels: []string{"stem", "block1", "head"},
		Series: []chart.Series{{Name: "weights", Values: []float64{31.2, 12.8, 24}}},
	}))
	// Output:
	// One layer at 4 bits
	// layer   weights dB
	// block1        12.8
	// head          24.0
	// stem          31.2
}

func ExampleTable() {
	nb.Show(nb.Table{
		Caption: "Plan",
		Head:    []string{"layer", "bits", "size"},
		Rows:    [][]string{{"stem", "8", "1.2 kB"}, {"block1", "4", "18 kB"}},
	})
	// Output:
	// Plan
	// layer   bits    size
	// stem       8  1.2 kB
	// block1     4   18 kB
}

func ExampleShow_error() {
	nb.Show(errors.New(`onnx: node "conv1": no weights`))
	// Output: error: onnx: node "conv1": no weights
}

func ExampleFlipbook() {
	nb.Flipbook([]int{2, 4}, func(bits int) *chart.Figure {
		return chart.Bars(chart.BarData{
			Name: "SQNR", Unit: "dB", Labels: []string{"stem"},
			Series: []chart.Series{{Name: "weights", Values: []float64{6 * float64(bits)}}},
		})
	})
	// Output:
	// — 2 —
	// layer  weights dB
	// stem         12.0
	//
	// — 4 —
	// layer  weights dB
	// stem         24.0
}

func ExampleProgress() {
	report := nb.Progress("measuring") // draws nothing here: standard error is no terminal, and the work is short
	for i := range 10 {
		report(i+1, 10)
	}
	// Output:
}

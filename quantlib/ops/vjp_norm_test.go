package ops_test

import (
	"math"
	"slices"
)

// layerNorm64 normalizes rows of size elements, each then multiplied by in[1]
// with in[2] added.
func layerNorm64(size int, centered bool) func(in [][]float64) []float64 {
	return func(in [][]float64) []float64 {
		y := make([]float64, len(in[0]))
		for r := 0; r < len(y); r += size {
			row := in[0][r : r+size]
			mean, square := 0.0, 0.0
			for _, v := range row {
				if centered {
					mean += v / float64(size)
				}
			}
			for _, v := range row {
				square += (v - mean) * (v - mean) / float64(size)
			}
			for i, v := range row {
				y[r+i] = (v - mean) / math.Sqrt(square+1e-5) * in[1][i]
				if len(in) > 2 {
					y[r+i] += in[2][i]
				}
			}
		}
		return y
	}
}

func groupNorm64(channels, groups, area int) func(in [][]float64) []float64 {
	size := channels / groups * area
	ones := slices.Repeat([]float64{1}, size)
	return func(in [][]float64) []float64 {
		y := layerNorm64(size, true)([][]float64{in[0], ones})
		for i := range y {
			ch := i / area % channels
			y[i] = y[i]*in[1][ch] + in[2][ch]
		}
		return y
	}
}

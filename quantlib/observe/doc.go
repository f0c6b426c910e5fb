// Package observe finds ranges: the interval that the codes of a tensor should
// cover, from samples of the tensor.
//
// A Collector counts values in one streamed pass, with bounded memory. Collectors
// of parts merge to the same bits in any order. Methods read a Collector: MinMax,
// MovingAverage, Percentile, MSE and KL, for any scheme of any width, after the
// pass; so a grid of layers and widths needs one pass.
//
//	c := observe.NewCollector()
//	for _, x := range batches {
//		c.Observe(x)
//	}
//	scale, zero, err := observe.Params(observe.MSE{}, c, quant.Int(4))
//
// A rule of your own is an Observer, two methods, made a Method by Func.
// SearchClip serves rules that measure elsewhere, as at the output of a layer.
//
// NaN and infinities are counted and otherwise ignored. A tensor of zeros has
// the range 0..0, a constant c the range from 0 to c, and without a finite
// value Range fails with ErrNoData.
package observe

package f32

// Until an instruction set is chosen at run time, the twins do the work.

func product(kn int, a, b, c []float32, m, n int, careful bool) {
	productGo(kn, a, b, c, m, n, careful)
}

func (t *tiles) full(a, b []float32, i, j int) { t.edge(a, b, i, j, MR, NR) }

// tiny reports whether the twin must expect inexact subnormal sums with the
// first size elements of packed panels.
func (o *Operand) tiny(panels []float32, size int) bool {
	if o.Packed != nil {
		return o.Packed.tiny
	}
	return tinyFactor(panels[:size])
}

func fakeQuantize(dst, x []float32, scale, lo, hi float32) { fakeQuantizeGo(dst, x, scale, lo, hi) }
func noiseSums(f, q []float32) Noise                       { return noiseSumsGo(f, q) }
func sum(x []float32) float64                              { return sumGo(x) }
func sumSquares(x []float32, c float64) float64            { return sumSquaresGo(x, c) }
func dot(x, y []float32) float64                           { return dotGo(x, y) }
func minMax(x []float32) (lo, hi float32, bad int)         { return minMaxGo(x) }
func maximum(x []float32) float32                          { return maximumGo(x) }
func add(dst, x, y []float32)                              { addGo(dst, x, y) }
func sub(dst, x, y []float32)                              { subGo(dst, x, y) }
func mul(dst, x, y []float32)                              { mulGo(dst, x, y) }
func div(dst, x, y []float32)                              { divGo(dst, x, y) }
func scaleBias(dst, x []float32, scale, bias float32)      { scaleBiasGo(dst, x, scale, bias) }
func clip(dst, x []float32, lo, hi float32)                { clipGo(dst, x, lo, hi) }
func exp(dst, x []float32)                                 { expGo(dst, x) }
func sigmoid(dst, x []float32)                             { sigmoidGo(dst, x) }
func tanh(dst, x []float32)                                { tanhGo(dst, x) }
func erf(dst, x []float32)                                 { erfGo(dst, x) }
func copyPanel(dst, src []float32, off []int32, n int)     { copyPanelGo(dst, src, off, n) }
func taps(dst, src, w []float32, off []int32)              { tapsGo(dst, src, w, off) }
func tapsMax(dst, src []float32, off []int32)              { tapsMaxGo(dst, src, off) }
func tapsSum(dst, src []float32, off []int32)              { tapsSumGo(dst, src, off) }
func copyStrided(dst, src []float32, stride int)           { copyStridedGo(dst, src, stride) }

//go:build noasm || (!amd64 && !arm64)

package f32

// Where there are no kernels, twins do the work.

func available() []level { return []level{portable} }

func (t *tiles) fast(b []float32, i0, i1, j, n int) bool { return false }

func (g *Gemm) convolve(src *columns, dst []float32, ldc, i0, i1 int, scratch []float32) bool {
	return false
}

// lineTiles has no use here.
type lineTiles struct{}

func takeLines() lineTiles    { return lineTiles{} }
func (l lineTiles) giveBack() {}

func (l lineTiles) run(t *tiles, b []float32, line, rows, n int, scratch []float32) bool {
	return false
}

func (t *tiles) fastRow(i, j0, j1 int) int { return 0 }

func packFast(dst, a []float32, kn, stride, kstride, width int) bool { return false }

func copyRuns(panel, src []float32, off []int32, end int, base, at []int32, n int) {
	copyRunsGo(panel, src, off, base, at, n)
}

func fillRows(dst, src []float32, rows, n, dstStride, srcStride, step int, pad float32, q *Quantizer) {
	fillRowsGo(dst, src, rows, n, dstStride, srcStride, step, q)
}

func finishRows(dst, src []float32, rows, n, stride int, bias, lo, hi float32) {
	finishRowsGo(dst, src, rows, n, stride, bias, lo, hi)
}

func quantizeRows(x []float32, rows, n, stride int, q Quantizer) {
	quantizeRowsGo(x, rows, n, stride, q)
}

func taps(dst, src, w []float32, off []int32)              { tapsGo(dst, src, w, off) }
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
func divideBy(dst, x []float32, by float32)                { divideByGo(dst, x, by) }
func clip(dst, x []float32, lo, hi float32)                { clipGo(dst, x, lo, hi) }
func between(dst, x, y []float32, lo, hi float32)          { betweenGo(dst, x, y, lo, hi) }
func exp(dst, x []float32)                                 { expGo(dst, x) }
func sigmoid(dst, x []float32)                             { sigmoidGo(dst, x) }
func tanh(dst, x []float32)                                { tanhGo(dst, x) }
func erf(dst, x []float32)                                 { erfGo(dst, x) }
func tapsMax(dst, src []float32, off []int32)              { tapsMaxGo(dst, src, off) }
func tapsSum(dst, src []float32, off []int32)              { tapsSumGo(dst, src, off) }
func addProducts(sums [][Lanes]float32, x, g []float32, stride int, q *coder) {
	addProductsGo(sums, x, g, stride, q)
}

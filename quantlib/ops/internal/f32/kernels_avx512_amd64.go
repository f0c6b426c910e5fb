//go:build !noasm

package f32

// The declarations of the kernels in kernels_avx512_amd64.s; package gen says
// what each of them does.

// wideTile is what a gemm kernel multiplies with and what it does with a tile;
// nil parts are left out.
type wideTile struct {
	b0, b1      *float32 // entry l of the columns 0..15 and 16..31, at an offset
	mask        uint32   // of the columns that exist
	add         uint32   // non-zero: to what dst holds
	rowBias     *float32
	colBias     *float32
	residual    *float32
	stride      int // of residual
	lo, hi      float32
	quant       uint32 // non-zero: fake-quantize
	scale       float32
	least, most float32 // codes less the zero
	// Bytes to add behind a tile: to a, which stands behind its panels, to b0 and
	// b1, to c and residual, which stand below the tile, and to rowBias.
	stepA, stepB, stepC, stepBias, stepRest int
}

//go:noescape
func gemm12x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm6x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm5x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm4x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm3x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm2x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm1x32AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm12x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm6x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm5x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm4x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm3x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm2x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func gemm1x16AVX512(kn, count int, a *float32, off *int32, c *float32, ldc int, t *wideTile)

//go:noescape
func copyRunsAVX512(dst, src *float32, off *int32, rows int, base, at *int32, runs int)

//go:noescape
func row128AVX512(kn int, a, b, out *float32)

//go:noescape
func copyRowsAVX512(dst, src *float32, rows, stride int)

//go:noescape
func fillRows1AVX512(dst, src *float32, rows, n, dstStride, srcStride int)

//go:noescape
func fillRows2AVX512(dst, src *float32, rows, n, dstStride, srcStride int)

//go:noescape
func fillRows1QuantizedAVX512(dst, src *float32, rows, n, dstStride, srcStride int, scale, lo, hi float32)

//go:noescape
func fillRows2QuantizedAVX512(dst, src *float32, rows, n, dstStride, srcStride int, scale, lo, hi float32)

//go:noescape
func tapsAVX512(dst, src, w *float32, off *int32, taps, n int)

//go:noescape
func tapsMaxAVX512(dst, src *float32, off *int32, taps, n int)

//go:noescape
func tapsSumAVX512(dst, src *float32, off *int32, taps, n int)

//go:noescape
func finishRowsAVX512(dst, src *float32, rows, n, dstStride, srcStride int, bias, lo, hi float32)

//go:noescape
func addAVX512(dst, x, y *float32, n int)

//go:noescape
func subAVX512(dst, x, y *float32, n int)

//go:noescape
func mulAVX512(dst, x, y *float32, n int)

//go:noescape
func divAVX512(dst, x, y *float32, n int)

//go:noescape
func scaleBiasAVX512(dst, x *float32, n int, scale, bias float32)

//go:noescape
func divideByAVX512(dst, x *float32, n int, by float32)

//go:noescape
func clipAVX512(dst, x *float32, n int, lo, hi float32)

//go:noescape
func betweenAVX512(dst, x, y *float32, n int, lo, hi float32)

//go:noescape
func fakeQuantizeAVX512(dst, x *float32, n int, scale, lo, hi float32)

//go:noescape
func expAVX512(dst, x *float32, n int)

//go:noescape
func sigmoidAVX512(dst, x *float32, n int)

//go:noescape
func tanhAVX512(dst, x *float32, n int)

//go:noescape
func erfAVX512(dst, x *float32, n int)

//go:noescape
func sumAVX512(x *float32, out *float64, n int)

//go:noescape
func sumSquaresAVX512(x *float32, out *float64, n int, c float64)

//go:noescape
func dotAVX512(x, y *float32, out *float64, n int)

//go:noescape
func noiseSumsAVX512(f, q *float32, out *float64, n int)

//go:noescape
func minMaxAVX512(x, out *float32, n int)

//go:noescape
func maximumAVX512(x, out *float32, n int)

//go:noescape
func products1AVX512(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts1AVX512(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products2AVX512(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts2AVX512(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products4AVX512(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts4AVX512(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func fmaPeakAVX512(n int)

//go:noescape
func depthwise3x1AVX512(args *wideImage)

//go:noescape
func depthwise3x2AVX512(args *wideImage)

//go:noescape
func depthwise5x1AVX512(args *wideImage)

//go:noescape
func depthwise5x2AVX512(args *wideImage)

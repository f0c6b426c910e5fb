//go:build !noasm

package f32

// The declarations of the kernels in kernels_arm64.s; package gen/neon says what
// each of them does.

//go:noescape
func gemm6x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm5x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm4x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm3x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm2x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm1x16NEON(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func product6x8NEON(kn int, a, b, c *float32)

//go:noescape
func columns1NEON(kn int, a, b, out *float32)

//go:noescape
func columns4NEON(kn int, a, b, out *float32)

//go:noescape
func row64NEON(kn int, a, b, out *float32)

//go:noescape
func direct6x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct5x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct4x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct3x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct2x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct1x16NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct6x17NEON(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher, b2, rest *float32)

//go:noescape
func copyRunsNEON(dst, src *float32, off *int32, rows int, base, at *int32, runs int)

//go:noescape
func copyRowsNEON(dst, src *float32, rows, stride int)

//go:noescape
func transpose4NEON(dst, src *float32, n, stride int)

//go:noescape
func transpose6NEON(dst, src *float32, n, stride int)

//go:noescape
func tapsNEON(dst, src, w *float32, off *int32, taps, n int)

//go:noescape
func tapsMaxNEON(dst, src *float32, off *int32, taps, n int)

//go:noescape
func tapsSumNEON(dst, src *float32, off *int32, taps, n int)

//go:noescape
func fillRows1NEON(dst, src *float32, rows, n, dstStride, srcStride int)

//go:noescape
func fillRows1QuantizedNEON(dst, src *float32, rows, n, dstStride, srcStride int, scale, lo, hi float32)

//go:noescape
func fillRows2NEON(dst, src *float32, rows, n, dstStride, srcStride int)

//go:noescape
func fillRows2QuantizedNEON(dst, src *float32, rows, n, dstStride, srcStride int, scale, lo, hi float32)

//go:noescape
func finishRowsNEON(dst, src *float32, rows, n, dstStride, srcStride int, bias, lo, hi float32)

//go:noescape
func quantizeRowsNEON(dst, src *float32, rows, n, dstStride, srcStride int, scale, lo, hi float32)

//go:noescape
func quantizeRowsByInverseNEON(dst, src *float32, rows, n, dstStride, srcStride int, scale, least, most, high, low float32)

//go:noescape
func winogradInNEON(args *winogradIn)

//go:noescape
func winogradOutNEON(args *winogradOut)

//go:noescape
func addNEON(dst, x, y *float32, n int)

//go:noescape
func subNEON(dst, x, y *float32, n int)

//go:noescape
func mulNEON(dst, x, y *float32, n int)

//go:noescape
func divNEON(dst, x, y *float32, n int)

//go:noescape
func scaleBiasNEON(dst, x *float32, n int, scale, bias float32)

//go:noescape
func divideByNEON(dst, x *float32, n int, by float32)

//go:noescape
func clipNEON(dst, x *float32, n int, lo, hi float32)

//go:noescape
func betweenNEON(dst, x, y *float32, n int, lo, hi float32)

//go:noescape
func fakeQuantizeNEON(dst, x *float32, n int, scale, lo, hi float32)

//go:noescape
func expNEON(dst, x *float32, n int)

//go:noescape
func sigmoidNEON(dst, x *float32, n int)

//go:noescape
func tanhNEON(dst, x *float32, n int)

//go:noescape
func erfNEON(dst, x *float32, n int)

//go:noescape
func sumNEON(x *float32, out *float64, n int)

//go:noescape
func sumSquaresNEON(x *float32, out *float64, n int, c float64)

//go:noescape
func dotNEON(x, y *float32, out *float64, n int)

//go:noescape
func noiseSumsNEON(f, q *float32, out *float64, n int)

//go:noescape
func minMaxNEON(x, out *float32, n int)

//go:noescape
func maximumNEON(x, out *float32, n int)

//go:noescape
func products1NEON(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts1NEON(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products2NEON(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts2NEON(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products4NEON(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts4NEON(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func fmaPeakNEON(n int)

//go:build !noasm

package f32

//go:generate go -C gen run . -isa avx2 -out ../kernels_amd64.s -pkg f32
//go:generate go -C gen run . -isa avx512 -out ../kernels_avx512_amd64.s -pkg f32

// The declarations of the kernels in kernels_amd64.s; package gen says what
// each of them does.

//go:noescape
func gemm6x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm5x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm4x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm3x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm2x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func gemm1x16AVX2(kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue)

//go:noescape
func product6x8AVX2(kn int, a, b, c *float32)

//go:noescape
func columns1AVX2(kn int, a, b, out *float32)

//go:noescape
func columns4AVX2(kn int, a, b, out *float32)

//go:noescape
func row64AVX2(kn int, a, b, out *float32)

//go:noescape
func copyRunsAVX2(dst, src *float32, off *int32, rows int, base, at *int32, runs int)

//go:noescape
func copyRowsAVX2(dst, src *float32, rows, stride int)

//go:noescape
func transpose4AVX2(dst, src *float32, n, stride int)

//go:noescape
func transpose6AVX2(dst, src *float32, n, stride int)

//go:noescape
func fillRows1AVX2(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad float32)

//go:noescape
func fillRows2AVX2(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad float32)

//go:noescape
func fillRows1QuantizedAVX2(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad, scale, lo, hi float32)

//go:noescape
func fillRows2QuantizedAVX2(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad, scale, lo, hi float32)

//go:noescape
func tapsAVX2(dst, src, w *float32, off *int32, taps, n int)

//go:noescape
func tapsMaxAVX2(dst, src *float32, off *int32, taps, n int)

//go:noescape
func tapsSumAVX2(dst, src *float32, off *int32, taps, n int)

//go:noescape
func finishRowsAVX2(dst, src *float32, rows, n, dstStride, srcStride int, bias, lo, hi float32)

//go:noescape
func addAVX2(dst, x, y *float32, n int)

//go:noescape
func subAVX2(dst, x, y *float32, n int)

//go:noescape
func mulAVX2(dst, x, y *float32, n int)

//go:noescape
func divAVX2(dst, x, y *float32, n int)

//go:noescape
func scaleBiasAVX2(dst, x *float32, n int, scale, bias float32)

//go:noescape
func divideByAVX2(dst, x *float32, n int, by float32)

//go:noescape
func clipAVX2(dst, x *float32, n int, lo, hi float32)

//go:noescape
func betweenAVX2(dst, x, y *float32, n int, lo, hi float32)

//go:noescape
func fakeQuantizeAVX2(dst, x *float32, n int, scale, lo, hi float32)

//go:noescape
func expAVX2(dst, x *float32, n int)

//go:noescape
func sigmoidAVX2(dst, x *float32, n int)

//go:noescape
func tanhAVX2(dst, x *float32, n int)

//go:noescape
func erfAVX2(dst, x *float32, n int)

//go:noescape
func sumAVX2(x *float32, out *float64, n int)

//go:noescape
func sumSquaresAVX2(x *float32, out *float64, n int, c float64)

//go:noescape
func dotAVX2(x, y *float32, out *float64, n int)

//go:noescape
func noiseSumsAVX2(f, q *float32, out *float64, n int)

//go:noescape
func minMaxAVX2(x, out *float32, n int)

//go:noescape
func maximumAVX2(x, out *float32, n int)

//go:noescape
func products1AVX2(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts1AVX2(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products2AVX2(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts2AVX2(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func products4AVX2(x, y *float32, stride int, lanes *float32, n int)

//go:noescape
func errorProducts4AVX2(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)

//go:noescape
func fmaPeakAVX2(n int)

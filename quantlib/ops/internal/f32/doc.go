// Package f32 holds the float32 kernels under the operators: matrix products
// and convolutions with weights packed once, fake quantization, element-wise
// functions, and reductions.
//
// It works on slices and knows no tensors. Nothing here starts a goroutine or
// keeps a reference to an argument; scratch memory comes from the caller, and
// everything that is packed is read-only, so that any number of goroutines may
// share it. Functions that can be split over goroutines take a part of the
// work, as rows, columns or "part p of n".
//
// # Bits
//
// Results do not depend on the processor, on how work is split, or on the
// batch. Each element of a product A·B is
//
//	c = (chain(0..KC-1) + chain(KC..2·KC-1)) + …
//
// where a chain starts at zero and is one sequential run of fused
// multiply-adds over ascending k, each rounded once to float32, half to even.
// Convolutions are such products with k = (channel, ky, kx); padding takes
// part as zeros. Sums are taken in float64 in [Lanes] interleaved lanes.
//
// Each assembly kernel has a twin in portable Go that gives the same bits,
// except for the sign and payload of a NaN. AVX2 with FMA is used where the
// processor has both; on arm64 NEON does products and depthwise convolutions,
// and twins the rest. The build tag noasm, or the environment variable
// QUANTNB_NOASM, selects the twins for everything.
package f32

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
// part as zeros. Those of 3×3 taps that [Conv.Winograd] picks by their geometry
// alone are made of tiles instead, with sixteen such products over channels and
// sums in a fixed order before and after: see [ConvWinograd]. Sums are taken in float64 in [Lanes] interleaved lanes.
//
// Each assembly kernel has a twin in portable Go that gives the same bits,
// except for the sign and payload of a NaN.
//
// # Instruction sets
//
// On amd64, kernels for AVX2 with FMA or for AVX-512 (F, BW, DQ, VL) are used
// where processor and operating system have them, on arm64 those for NEON. The
// layout of packed factors is the same for all, so that a file or a test need
// not know which was used: AVX-512 takes two panels of A and two of B at a time,
// 12×32 elements. Depthwise convolutions of images as they lie, without padded
// copies, are for AVX2 and AVX-512 alone.
//
// The environment variable QUANTNB_ISA asks for less: avx512, avx2, neon or go,
// of which the last are the twins. What the processor lacks is not used, nor is
// a name that means nothing minded: the best below or the best of all is taken;
// [ISA] tells. The build tag noasm leaves only the twins.
//
// Before the package is used, the AVX-512 kernels run once on a few elements
// each, in some tenths of a millisecond; if a bit differs from AVX2's, AVX2 is
// used.
//
// Tests, unless short, run once with each set that the processor has. For another,
// gen/emulate/emulate.sh runs a test binary on an emulated processor; emulated
// and real ones must agree on every bit, so nothing but speed is left to
// measure. NEON kernels run under qemu-aarch64, of Debian's package qemu-user, and
// only there so far: their speed is not known. Short tests of other packages run
// there, too; those of package quantlib take some minutes, or many on a busy
// machine, where they want a longer -timeout.
//
//	CGO_ENABLED=0 go test -c -o /tmp/f32.test .
//	gen/emulate/emulate.sh /tmp/f32.test QUANTNB_ISA=avx512 -test.short
//	GOARCH=arm64 CGO_ENABLED=0 go test -exec qemu-aarch64 .
package f32

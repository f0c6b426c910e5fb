// Package quant maps real numbers to a few codes and back: what a number
// format is (Scheme), which scale and zero point it uses (Params), which
// elements share them (Layout), and how far the result is from the original
// (NSR, SQNR, Cosine, MSE).
//
// The arithmetic is ONNX's QuantizeLinear followed by DequantizeLinear, in
// float32:
//
//	xq = (clamp(even(x/scale)+zero, lo, hi) - zero) · scale
//
// The division is a division, not a product with a reciprocal; even rounds
// half to even; zero is a code, not a real number. A NaN gets the code zero,
// infinities saturate. Everything works on plain slices, allocates nothing in
// its inner loops, and gives the same bits on every machine.
//
// One signed bit is different, as it has no zero: sign(x)·scale with
// sign(0) = +1, where the best scale is mean|x| (XNOR-Net,
// https://arxiv.org/abs/1603.05279). One unsigned bit follows the formula above
// with the codes 0 and 1.
package quant

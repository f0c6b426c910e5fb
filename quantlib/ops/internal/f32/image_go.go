//go:build noasm || !amd64

package f32

// Where there are no kernels for images as they lie, nor any for AVX-512, planes
// and packed columns serve.

func (t *tiles) runWide(i0, i1, j0, j1 int) {}

func (t *tiles) inPlace(b *Operand, off []int32, k0, rows int) bool { return false }

func depthwiseWide(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	return false
}

func (g *Gemm) convolve(src *columns, dst []float32, ldc, i0, i1 int, scratch []float32) bool {
	return false
}

func depthwiseDirect(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	return false
}

//go:build noasm || !amd64

package f32

// Where there are no kernels for AVX-512, nor any for depthwise convolutions of
// images as they lie, narrower ones and planes serve.

func (t *tiles) runWide(i0, i1, j0, j1 int) {}

func (t *tiles) inPlace(b *Operand, off []int32, k0, rows int) bool { return false }

func depthwiseWide(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	return false
}

func depthwiseDirect(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	return false
}

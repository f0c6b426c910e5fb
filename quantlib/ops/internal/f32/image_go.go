//go:build noasm || !amd64

package f32

// Where there are no kernels for images as they lie, planes and packed columns
// serve.

func (g *Gemm) convolve(src *columns, dst []float32, ldc, i0, i1 int, scratch []float32) bool {
	return false
}

func depthwiseDirect(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	return false
}

func quantizeRows(x []float32, rows, n, stride int, q Quantizer) {
	for i := range rows {
		row := x[i*stride : i*stride+n]
		FakeQuantize(row, row, q)
	}
}

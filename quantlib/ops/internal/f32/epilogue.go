package f32

import "fmt"

// Activation is a function applied to each element of a product.
type Activation uint8

const (
	Identity Activation = iota
	ReLU                // max(x, 0); NaN and -0 stay
	Clamp               // min(max(x, Lo), Hi); NaN stays
)

// Epilogue is what happens to each element of a product after the last
// multiply-add, in this order, each step rounded to float32; nil parts are
// left out.
type Epilogue struct {
	RowBias        []float32 // [M], added to each row
	ColBias        []float32 // [N], added to each column
	Residual       []float32 // added at row·ResidualStride + column; may be dst itself
	ResidualStride int
	Act            Activation
	Lo, Hi         float32     // of Clamp
	Quant          []Quantizer // one for all, or one per row
}

func (e *Epilogue) check(m, n int) {
	switch {
	case e.RowBias != nil && len(e.RowBias) < m:
		panic(fmt.Sprintf("f32: row bias has %d elements, not %d", len(e.RowBias), m))
	case e.ColBias != nil && len(e.ColBias) < n:
		panic(fmt.Sprintf("f32: column bias has %d elements, not %d", len(e.ColBias), n))
	case e.Residual != nil && m > 0 && n > 0 && (m-1)*e.ResidualStride+n > len(e.Residual):
		panic(fmt.Sprintf("f32: residual has %d elements for %d×%d with stride %d", len(e.Residual), m, n, e.ResidualStride))
	case len(e.Quant) > 1 && len(e.Quant) < m:
		panic(fmt.Sprintf("f32: %d quantizers for %d rows", len(e.Quant), m))
	}
}

// bounds returns the clamp that equals the activation.
func (e *Epilogue) bounds() (lo, hi float32, clamp bool) {
	switch e.Act {
	case ReLU:
		return 0, inf, true
	case Clamp:
		return e.Lo, e.Hi, true
	}
	return -inf, inf, false
}

// apply does all but the quantization, in dst, on rows i0..i1, columns j0..j1.
func (e *Epilogue) apply(dst []float32, ldc, i0, i1, j0, j1 int) {
	lo, hi, clamp := e.bounds()
	for i := i0; i < i1; i++ {
		row := dst[i*ldc+j0 : i*ldc+j1]
		if e.RowBias != nil {
			b := e.RowBias[i]
			for j := range row {
				row[j] += b
			}
		}
		if e.ColBias != nil {
			b := e.ColBias[j0:j1]
			for j := range row {
				row[j] += b[j]
			}
		}
		if e.Residual != nil {
			r := e.Residual[i*e.ResidualStride+j0:][:len(row)]
			for j := range row {
				row[j] += r[j]
			}
		}
		if clamp {
			for j, v := range row {
				row[j] = clamp1(v, lo, hi)
			}
		}
	}
}

func (e *Epilogue) quantize(dst []float32, ldc, i0, i1, j0, j1 int) {
	switch len(e.Quant) {
	case 0:
	case 1:
		quantizeRows(dst[i0*ldc+j0:], i1-i0, j1-j0, ldc, e.Quant[0])
	default:
		for i := i0; i < i1; i++ {
			quantizeRows(dst[i*ldc+j0:], 1, j1-j0, ldc, e.Quant[i])
		}
	}
}

// clamp1 is MINPS(hi, MAXPS(lo, v)): NaN and, at a zero bound, the sign of
// zero stay.
func clamp1(v, lo, hi float32) float32 {
	if lo > v {
		v = lo
	}
	if hi < v {
		v = hi
	}
	return v
}

package calibrate

import (
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Grid implements exec.Uniform: one scale, or one for each channel, of integer
// codes that are rounded half to even; nil for other schemes.
func (f fake) Grid() *ops.Grid {
	n, s := len(f.p.Scale), f.s
	integers := s.Bits > 0 && s.Bits <= 16 && s.Round == quant.HalfEven && s.Float == quant.NotFloat && !s.Binary()
	if !integers || n > 1 && s.Granularity != quant.PerChannel {
		return nil
	}
	scale, zero := make([]float32, n), make([]int32, n)
	for i := range n {
		if scale[i], zero[i] = f.p.At(i); !(scale[i] > 0) {
			return nil
		}
	}
	lo, hi := s.Range()
	return ops.NewGrid(scale, zero, lo, hi, f.axis)
}

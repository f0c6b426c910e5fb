package quantlib

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// outputsBatch is how many samples Outputs runs at once.
const outputsBatch = 8

// Outputs runs the network under a plan on the test samples, and calls each with
// what every sample makes, in order: the elements of the float32 outputs by
// name. It is for measures that are not the network's noise or top-1, such as
// the text that a recognizer reads. An output without an axis of samples is
// handed over whole with each. The slices are not to be kept.
func (s *Study) Outputs(ctx context.Context, pl Plan, each func(sample int, outputs map[string][]float32) error) error {
	p, err := s.parts()
	if err != nil {
		return err
	}
	if pl.Map() != p.m {
		return errors.New("quantlib: the plan is of another model, or of another profile, than the study's")
	}
	st, err := s.statistics(ctx, p, pl)
	if err != nil {
		return err
	}
	change, err := st.ChangeContext(ctx, pl, s.Methods)
	if err != nil {
		return err
	}
	v, err := p.session.With(change)
	if err != nil {
		return err
	}
	size := p.batch
	if size == 0 {
		size = outputsBatch
	}
	progress := s.progress("running")
	for lo, n := 0, p.test.Len(); lo < n; lo += size {
		hi := min(n, lo+size)
		in, err := p.test.Batch(lo, hi)
		if err != nil {
			return fmt.Errorf("quantlib: samples %d..%d: %w", lo, hi-1, err)
		}
		out, err := v.Run(ctx, in)
		if err != nil {
			return fmt.Errorf("quantlib: samples %d..%d: %w", lo, hi-1, err)
		}
		for i := lo; i < hi; i++ {
			if err := each(i, sampleOf(out, i-lo, hi-lo)); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(hi, n)
		}
	}
	return nil
}

// sampleOf is sample i of the n in out.
func sampleOf(out exec.Values, i, n int) map[string][]float32 {
	one := map[string][]float32{}
	for name, t := range out {
		if t.DType() != tensor.Float32 {
			continue
		}
		x := t.F32()
		if t.Rank() > 0 && t.Dim(0) == n {
			size := len(x) / n
			x = x[i*size : (i+1)*size]
		}
		one[name] = x
	}
	return one
}

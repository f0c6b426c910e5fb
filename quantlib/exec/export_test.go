package exec

import (
	"context"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Predict is the outputs of a dry run as Memory makes one, in which of the
// tensors that operators make only those of int64 are real.
func Predict(ctx context.Context, s *Session, in Values) ([]*tensor.Tensor, error) {
	w := newWorker(s)
	w.dry = newDry()
	w.dry.none = true
	w.begin(1, false)
	if err := w.feed(in); err != nil {
		return nil, err
	}
	if err := w.run(ctx, nil, nil); err != nil {
		return nil, err
	}
	return w.outputs(nil)
}

package exec

import "context"

// Watch is RunSingle that shows the inputs and every value that the session sees
// to tap, each in its quantized form where the changes have one, and makes no copy
// of the outputs.
func (v *Variant) Watch(ctx context.Context, in Values, tap Tap) error {
	w := v.s.workers.Get()
	defer v.s.workers.Put(w)
	w.begin(1, false)
	defer w.reset()
	if err := w.feed(in); err != nil {
		return err
	}
	return w.run(ctx, v, tap)
}

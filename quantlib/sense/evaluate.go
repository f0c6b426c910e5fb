package sense

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// Accuracy is how well a network does under a plan.
type Accuracy struct {
	Samples int
	// Top1 is the share of samples whose greatest output is their label.
	// Its standard error is that of a share.
	Top1 Measure
	// Noise compares with the float network on the same samples; it holds the task
	// loss too.
	Noise Cell
	// Labeled is false where the data has no labels, and Top1, loss and rise of
	// the loss are therefore zero.
	Labeled bool
}

func (a Accuracy) String() string {
	top := "no labels"
	if a.Labeled {
		top = fmt.Sprintf("top-1 %.2f %% ± %.2f", 100*a.Top1.Mean, 100*a.Top1.StdErr)
	}
	return fmt.Sprintf("%s, SQNR %.1f dB, agreement with float %.2f %%, %d samples",
		top, a.Noise.SQNR(), 100*a.Noise.Agreement.Mean, a.Samples)
}

// Evaluate measures a plan on samples, which may be Labeled. For each batch the
// float network runs once, and then the quantized one.
func Evaluate(ctx context.Context, s *exec.Session, st *calibrate.Stats, p plan.Plan, data calibrate.Samples, c Config) (Accuracy, error) {
	a, err := evaluate(ctx, s, st, []plan.Plan{p}, data, c)
	if err != nil {
		return Accuracy{}, err
	}
	return a[0], nil
}

// evaluate measures several plans with one float pass for each batch. Batches
// are spread over threads.
func evaluate(ctx context.Context, s *exec.Session, st *calibrate.Stats, plans []plan.Plan, data calibrate.Samples, c Config) ([]Accuracy, error) {
	n := c.limit(data.Len())
	if n == 0 {
		return nil, fmt.Errorf("sense: the data set is empty")
	}
	variants := make([]*exec.Variant, len(plans))
	for i, p := range plans {
		change, err := st.ChangeContext(ctx, p, c.Methods)
		if err != nil {
			return nil, err
		}
		if variants[i], err = s.With(change); err != nil {
			return nil, err
		}
	}
	j := newJudge(s, data)
	scores := make([][]score, len(plans))
	for i := range plans {
		scores[i] = make([]score, n)
	}
	size := c.batch()
	batches := (n + size - 1) / size
	_, err := each(ctx, s.Threads(), batches, func(ctx context.Context, b int) (int, error) {
		lo, hi := b*size, min(n, (b+1)*size)
		in, err := data.Batch(lo, hi)
		if err != nil {
			return 0, err
		}
		kept, err := s.KeepSingle(ctx, in)
		if err != nil {
			return 0, err
		}
		for i, v := range variants {
			out, _, err := v.Rerun(ctx, kept)
			if err != nil {
				return 0, err
			}
			j.compare(scores[i][lo:hi], lo, outputs(kept, len(out)), out)
		}
		return 0, nil
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done, batches)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("sense: %w", err)
	}
	list := make([]Accuracy, len(plans))
	for i := range plans {
		list[i] = j.accuracy(scores[i])
	}
	return list, nil
}

// Curve is accuracy over uniform widths.
type Curve struct {
	Widths []int
	Float  Accuracy
	Points [3][]Accuracy // by Mode, then width
}

// Accuracies measures the float network and every width with weights alone,
// activations alone, and both quantized. nil widths mean those
// of 2..8 and 16 that the device has everywhere; others are an error.
func Accuracies(ctx context.Context, s *exec.Session, st *calibrate.Stats, data calibrate.Samples, c Config) (*Curve, error) {
	widths := c.Widths
	if widths == nil {
		widths = slices.DeleteFunc([]int{2, 3, 4, 5, 6, 7, 8, 16}, func(bits int) bool { return st.Map().Check(bits, bits) != nil })
	}
	cv := &Curve{Widths: slices.Clone(widths)}
	m := st.Map()
	plans := []plan.Plan{m.Float()}
	for _, b := range cv.Widths {
		if b < 1 || b > 16 {
			return nil, fmt.Errorf("sense: width of %d bits; widths are 1..16", b)
		}
		if err := m.Check(b, b); err != nil {
			return nil, fmt.Errorf("sense: %w", err)
		}
		plans = append(plans, m.Uniform(b, 0), m.Uniform(0, b), m.Uniform(b, b))
	}
	list, err := evaluate(ctx, s, st, plans, data, c)
	if err != nil {
		return nil, err
	}
	cv.Float = list[0]
	for i := range cv.Widths {
		for mode := range 3 {
			cv.Points[mode] = append(cv.Points[mode], list[1+3*i+mode])
		}
	}
	return cv, nil
}

// String is a table of top-1 in percent, or of agreement with the float network
// where there are no labels.
func (c *Curve) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	what, pick := "top-1 (%)", func(a Accuracy) float64 { return 100 * a.Top1.Mean }
	if !c.Float.Labeled {
		what, pick = "agreement (%)", func(a Accuracy) float64 { return 100 * a.Noise.Agreement.Mean }
	}
	fmt.Fprintf(w, "%s\tweights\tactivations\tboth\t\n", what)
	for i, bits := range c.Widths {
		fmt.Fprintf(w, "%d bits\t%.2f\t%.2f\t%.2f\t\n", bits, pick(c.Points[Weight][i]), pick(c.Points[Activation][i]), pick(c.Points[Both][i]))
	}
	fmt.Fprintf(w, "float\t%.2f\t%.2f\t%.2f\t\n", pick(c.Float), pick(c.Float), pick(c.Float))
	w.Flush()
	return b.String()
}

package sense

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// CheckedPlan compares the noise that a table predicts for a plan with what was
// measured with all of it quantized at once.
type CheckedPlan struct {
	Plan      plan.Plan
	Predicted Measure
	Measured  Measure
}

// Decibel is 10·log10(measured/predicted): above 0 the plan is noisier than
// predicted.
func (c CheckedPlan) Decibel() float64 {
	return 10 * math.Log10(c.Measured.Mean/c.Predicted.Mean)
}

// Checked is how well predicted noise meets measured noise.
type Checked struct {
	Points  []CheckedPlan
	Samples int
	// Bias is the mean of 10·log10(measured/predicted) over the points, in dB,
	// and Spread its standard deviation.
	Bias, Spread float64
	// Rank is Spearman's correlation between predicted and measured noise; equal
	// values share their mean rank.
	Rank float64
	// Coverage is the share of points where |measured − predicted| is at most
	// two standard errors of the prediction plus two of the measurement.
	Coverage float64
	// Factor corrects predictions: 10^(Bias/10), the geometric mean of measured
	// over predicted.
	Factor float64
	// CorrectedSpread, in dB, is the root mean square of
	// 10·log10(measured/corrected), and CorrectedCoverage the share of points
	// within twice the error bar that Correct gives plus two standard errors of
	// the measurement. Both correct each point with what was
	// fitted on the other points.
	CorrectedSpread, CorrectedCoverage float64
	// FittedSpread is that of predictions corrected tie by tie (Table.Correct), each
	// point by what was fitted on the others.
	FittedSpread float64
}

// Correct is a prediction times Factor. Its error bar joins the bound of the
// prediction's with the spread that the points show about the factor:
// √((F·StdErr)² + (F·Mean·ln10/10·Spread)²).
func (c *Checked) Correct(predicted Measure) Measure {
	return correct(predicted, c.Bias, c.Spread)
}

func correct(p Measure, bias, spread float64) Measure {
	f := math.Pow(10, bias/10)
	return Measure{Mean: f * p.Mean, StdErr: math.Hypot(f*p.StdErr, f*p.Mean*math.Ln10/10*spread)}
}

// Check measures plans, with all of each quantized at once, and compares them
// with what t predicts. The samples should be those of the grid, at least for
// the first look; c.Samples is as in Config, and c.Methods must be the grid's.
// Plans without noise in prediction or measurement, as the float one, say
// nothing and are left out. Fewer than three other plans are an error.
func (t *Table) Check(ctx context.Context, s *exec.Session, st *calibrate.Stats, plans []plan.Plan, data calibrate.Samples, c Config) (*Checked, error) {
	if m := c.Methods.String(); m != t.grid.Methods {
		return nil, fmt.Errorf("sense: the grid was measured with %s, not %s", t.grid.Methods, m)
	}
	points := make([]CheckedPlan, len(plans))
	for i, p := range plans {
		n, err := t.Predict(p)
		if err != nil {
			return nil, err
		}
		points[i] = CheckedPlan{Plan: p, Predicted: n}
	}
	measured, err := evaluate(ctx, s, st, plans, data, c)
	if err != nil {
		return nil, err
	}
	for i := range points {
		points[i].Measured = measured[i].Noise.NSR
	}
	k, err := check(points)
	if err != nil {
		return nil, err
	}
	k.Samples = c.limit(data.Len())
	k.FittedSpread, err = t.fittedSpread(k.Points)
	return k, err
}

// fittedSpread is the root mean square, in dB, of measured over predicted noise
// when each point is predicted by the table that the others correct.
func (t *Table) fittedSpread(points []CheckedPlan) (float64, error) {
	square := 0.0
	for i, p := range points {
		others := append(slices.Clone(points[:i]), points[i+1:]...)
		fitted, err := t.Correct(others)
		if err != nil {
			return 0, err
		}
		n, err := fitted.Predict(p.Plan)
		if err != nil {
			return 0, err
		}
		d := 10 * math.Log10(p.Measured.Mean/n.Mean)
		square += d * d
	}
	return math.Sqrt(square / float64(len(points))), nil
}

// check reckons the figures of Checked.
func check(points []CheckedPlan) (*Checked, error) {
	k := &Checked{}
	var db []float64
	for _, p := range points {
		if d := p.Decibel(); !math.IsNaN(d) && !math.IsInf(d, 0) {
			k.Points, db = append(k.Points, p), append(db, d)
		}
	}
	n := len(db)
	if n < 3 {
		return nil, fmt.Errorf("sense: a check needs three plans with noise, not %d", n)
	}
	k.Bias, k.Spread = meanStd(db, -1)
	k.Factor = math.Pow(10, k.Bias/10)
	var predicted, measured []float64
	inside, corrected, square := 0, 0, 0.0
	for i, p := range k.Points {
		predicted, measured = append(predicted, p.Predicted.Mean), append(measured, p.Measured.Mean)
		within := func(e Measure) int {
			if math.Abs(p.Measured.Mean-e.Mean) <= 2*e.StdErr+2*p.Measured.StdErr {
				return 1
			}
			return 0
		}
		inside += within(p.Predicted)
		bias, spread := meanStd(db, i)
		corrected += within(correct(p.Predicted, bias, spread))
		square += (db[i] - bias) * (db[i] - bias)
	}
	k.Rank = Spearman(predicted, measured)
	k.Coverage = float64(inside) / float64(n)
	k.CorrectedCoverage = float64(corrected) / float64(n)
	k.CorrectedSpread = math.Sqrt(square / float64(n))
	return k, nil
}

// meanStd is the mean and the sample standard deviation without element skip.
func meanStd(x []float64, skip int) (mean, std float64) {
	n := 0.0
	for i, v := range x {
		if i != skip {
			mean += v
			n++
		}
	}
	mean /= n
	for i, v := range x {
		if i != skip {
			std += (v - mean) * (v - mean)
		}
	}
	return mean, math.Sqrt(std / (n - 1))
}

// Spearman is the correlation of ranks; equal values share their mean rank. It is
// NaN where a side is constant or holds a NaN, which has no rank. It panics if the
// lengths differ.
func Spearman(x, y []float64) float64 {
	if len(x) != len(y) {
		panic(fmt.Sprintf("sense: Spearman of %d and %d values", len(x), len(y)))
	}
	if slices.ContainsFunc(x, math.IsNaN) || slices.ContainsFunc(y, math.IsNaN) {
		return math.NaN()
	}
	a, b := ranks(x), ranks(y)
	mean := float64(len(x)+1) / 2
	var xx, yy, xy float64
	for i := range a {
		p, q := a[i]-mean, b[i]-mean
		xx, yy, xy = xx+p*p, yy+q*q, xy+p*q
	}
	return xy / math.Sqrt(xx*yy)
}

func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return a - b
	})
	r := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			r[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return r
}

// String is a table of the points, then the figures.
func (c *Checked) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bytes\tbits\tpredicted (dB)\tmeasured (dB)\tcorrected (dB)\t")
	for _, p := range c.Points {
		fmt.Fprintf(w, "%d\t%.2f\t%.1f\t%.1f\t%.1f\t\n", p.Plan.Bytes(), p.Plan.MeanBits(),
			sqnr(p.Predicted), sqnr(p.Measured), sqnr(c.Correct(p.Predicted)))
	}
	w.Flush()
	fmt.Fprintf(&b, "measured over predicted noise: %+.2f dB ± %.2f, rank correlation %.3f, %.0f %% within the error bars\n",
		c.Bias, c.Spread, c.Rank, 100*c.Coverage)
	fmt.Fprintf(&b, "corrected by a factor of %.3f: ± %.2f dB, %.0f %% within the error bars; tie by tie: ± %.2f dB (each point by the others' fit); %d samples\n",
		c.Factor, c.CorrectedSpread, 100*c.CorrectedCoverage, c.FittedSpread, c.Samples)
	return b.String()
}

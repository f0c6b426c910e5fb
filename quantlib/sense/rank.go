package sense

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Ranking is how well one grid orders cells as another does.
type Ranking struct {
	Cells  int         // that both grids have
	Rank   float64     // Spearman's correlation of their NSR; equal values share their mean rank
	Ratio  float64     // median of the first grid's NSR over the second's
	Widths []RankingAt // ascending
}

// RankingAt is a Ranking at one width.
type RankingAt struct {
	Bits, Cells int
	Rank, Ratio float64
}

// RankCorrelation compares the cells of two grids of one network that both have,
// at the widths given, or all; layers are matched by name. Ranks are NaN where
// fewer than two cells are left or all are equal. A width that one of the grids
// lacks is an error.
func RankCorrelation(a, b *Grid, mode Mode, widths ...int) (Ranking, error) {
	if len(widths) == 0 {
		for _, bits := range a.Widths {
			if slices.Contains(b.Widths, bits) {
				widths = append(widths, bits)
			}
		}
	}
	widths = slices.Clone(widths)
	slices.Sort(widths)
	var r Ranking
	var x, y []float64
	for _, bits := range slices.Compact(widths) {
		if !slices.Contains(a.Widths, bits) || !slices.Contains(b.Widths, bits) {
			return r, fmt.Errorf("sense: %d bits are not in both grids; their widths are %v and %v", bits, a.Widths, b.Widths)
		}
		from := len(x)
		for _, layer := range a.Layers {
			if !slices.Contains(b.Layers, layer) {
				continue
			}
			p, q := a.At(layer, bits, mode), b.At(layer, bits, mode)
			if p.Valid && q.Valid {
				x, y = append(x, p.NSR.Mean), append(y, q.NSR.Mean)
			}
		}
		at := RankingAt{Bits: bits, Cells: len(x) - from, Rank: math.NaN(), Ratio: medianRatio(x[from:], y[from:])}
		if at.Cells > 1 {
			at.Rank = Spearman(x[from:], y[from:])
		}
		r.Widths = append(r.Widths, at)
	}
	r.Cells, r.Rank, r.Ratio = len(x), math.NaN(), medianRatio(x, y)
	if len(x) > 1 {
		r.Rank = Spearman(x, y)
	}
	return r, nil
}

// medianRatio is the median of x/y, NaN without elements.
func medianRatio(x, y []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	r := make([]float64, len(x))
	for i := range x {
		r[i] = x[i] / y[i]
	}
	slices.Sort(r)
	n := len(r) / 2
	if len(r)%2 == 1 {
		return r[n]
	}
	return (r[n-1] + r[n]) / 2
}

// String is a table of widths, then the whole.
func (r Ranking) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bits\tcells\trank correlation\tmedian ratio\t")
	for _, at := range r.Widths {
		fmt.Fprintf(w, "%d\t%d\t%.3f\t%.3g\t\n", at.Bits, at.Cells, at.Rank, at.Ratio)
	}
	fmt.Fprintf(w, "all\t%d\t%.3f\t%.3g\t\n", r.Cells, r.Rank, r.Ratio)
	w.Flush()
	return b.String()
}

package quantlib

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// A Roofline sets each unit of a network, a node or several that the device runs
// as one, against what the device can do: its arithmetic, its memory.
type Roofline struct {
	Profile string
	Rows    []hardware.Row // by unit, in the order they run
	Nodes   [][]string     // of each unit
	Seconds float64        // of one sample; 0 where the profile has no figures
}

// Roofline is the time of each unit for one sample under a plan, its
// multiply-accumulates, the bytes it moves, their ratio, and what bounds it, by the
// figures of the study's Profile, or its measured table where that has the unit.
func (s *Study) Roofline(ctx context.Context, pl Plan) (*Roofline, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if pl.Map() != p.m {
		return nil, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	w, err := s.workload(ctx, p)
	if err != nil {
		return nil, err
	}
	r := &Roofline{Profile: p.m.Profile.Name}
	var works []hardware.Work
	for _, u := range w.Units {
		works = append(works, u.At(func(tie int) int { return pl.Tie(tie).Width() }))
		r.Nodes = append(r.Nodes, u.Nodes)
	}
	r.Rows = p.m.Profile.Roofline(works)
	for _, row := range r.Rows {
		r.Seconds += row.Seconds
	}
	return r, nil
}

// workload is the shapes of the study's network, for one sample.
func (s *Study) workload(ctx context.Context, p parts) (*sense.Workload, error) {
	return recall(s, p, "workload", func() (*sense.Workload, error) {
		return sense.Work(ctx, p.session, p.m, p.calibration, p.batch)
	}, restore[sense.Workload], store[sense.Workload])
}

// Bounds adds the seconds up by what bounds a unit.
func (r *Roofline) Bounds() map[hardware.Bound]float64 {
	sums := map[hardware.Bound]float64{}
	for _, row := range r.Rows {
		sums[row.Bound] += row.Seconds
	}
	return sums
}

// String is a table of the units.
func (r *Roofline) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "layer\toperator\tbits\tMACs\tbytes\tMACs/byte\tbalance\tbound\tµs\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.0f\t%.2f\t%.2f\t%s\t%.3f\t\n", graph.Printable(row.Node), row.Op,
			widths(row.Work), row.MACs, row.Bytes, row.Intensity, row.Balance, row.Bound, 1e6*row.Seconds)
	}
	w.Flush()
	fmt.Fprintf(&b, "%s: %.4g ms for one sample\n", r.Profile, 1e3*r.Seconds)
	return b.String()
}

// widths is "w4 a8 → 8", with a dash for what a unit does not have.
func widths(w hardware.Work) string {
	bits := func(n int64, b int) string {
		switch {
		case n == 0:
			return "–"
		case b == 0:
			b = hardware.Float32
		}
		return fmt.Sprint(b)
	}
	return fmt.Sprintf("w%s a%s → %s", bits(w.Weights, w.WeightBits), bits(w.Inputs, w.InputBits), bits(w.Outputs, w.OutputBits))
}

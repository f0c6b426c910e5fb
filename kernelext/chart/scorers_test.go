package chart_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)

// Charts of a grid say what its scorer speaks of, and draw nothing that it has not.
func TestChartsOfEveryScorer(t *testing.T) {
	ctx := context.Background()
	s := &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:8*784], Shape: []int{1, 28, 28}, Divide: 255},
		Samples:     8,
		NoMemo:      true,
	}
	for _, c := range []struct {
		scorer q.Scorer
		says   string
		sqnr   bool
	}{
		{q.OnePass{Probes: 2}, "one pass", true},
		{q.HAWQ{GaussNewton: true}, "in nats", false},
		{q.ClosedForm{}, "own noise-to-signal power", false},
	} {
		s.Scorer = c.scorer
		g := q.Must(s.Grid(ctx, 4, 8))
		space := q.Space{Weights: []int{4, 8}, Activations: []int{0}}
		for name, fig := range map[string]*chart.Figure{
			"bars": chart.SNRBars(g, 4, chart.Ascending), "heat": chart.GridHeat(g, q.Weight), "network": chart.NetworkHeat(g, 4, q.Weight),
			"frontier": chart.FrontierOf(q.Must(s.Frontier(ctx, space, q.Bytes)), nil),
			"choice":   chart.ChoiceWidths(q.Must(s.Choose(ctx, space, q.Limits{MeanWeightBits: 6}))),
		} {
			text := fig.Title() + "\n" + fig.Text() + "\n" + fig.Alt()
			if strings.Contains(text, "NaN") {
				t.Errorf("%s, %s: NaN in\n%s", c.scorer.Key(), name, text)
			}
			grid := name != "frontier" && name != "choice"
			if !c.sqnr && !strings.Contains(text, c.says) || c.sqnr && grid && !strings.Contains(text, "SQNR") {
				t.Errorf("%s, %s says\n%s", c.scorer.Key(), name, text)
			}
			if !c.sqnr && strings.Contains(text, "SQNR") {
				t.Errorf("%s, %s speaks of SQNR:\n%s", c.scorer.Key(), name, text)
			}
		}
	}
}

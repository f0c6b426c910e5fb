package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// A Tried is a plan and what was measured of it.
type Tried struct {
	Name     string
	Plan     quantlib.Plan
	Accuracy quantlib.Accuracy
	InHand   bool // the plan that is marked with a star
}

// AccuracyCurveWith is [AccuracyCurve] with measured plans at their mean bits a
// weight: those that no other plan beats in both bits and accuracy are joined by
// steps, and the plan in hand is a star.
//
// It panics if more than one plan is in hand.
func AccuracyCurveWith(c *quantlib.Curve, plans []Tried) *Figure {
	d := curveOf(c)
	at := func(t Tried) Point {
		y := t.Accuracy.Noise.Agreement.Mean
		if c.Float.Labeled {
			y = t.Accuracy.Top1.Mean
		}
		return Point{Name: t.Name, X: t.Plan.MeanBits(), Y: 100 * y}
	}
	for _, t := range plans {
		q := at(t)
		if t.InHand {
			if d.Plan != nil {
				panic("chart: AccuracyCurveWith: two plans are in hand")
			}
			d.Plan = &q
		}
		beaten := slices.ContainsFunc(plans, func(o Tried) bool {
			p := at(o)
			return p.X <= q.X && p.Y >= q.Y && (p.X < q.X || p.Y > q.Y)
		})
		if !beaten {
			d.Pareto = append(d.Pareto, q)
		}
	}
	slices.SortStableFunc(d.Pareto, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	d.Title = strings.Replace(d.Title, ", all layers alike", "", 1)
	d.XName = "bits (of mixed plans: mean over the weights)"
	return Curve(d)
}

// frontierPoints is how many points of a frontier are drawn.
const frontierPoints = 160

// FrontierOf draws predicted noise against the cost of a frontier. The choice, if
// any, is a star; its noise is the predicted one too.
func FrontierOf(f *quantlib.Frontier, choice *quantlib.Choice) *Figure {
	name, unit := costName(f.Cost)
	d := FrontierData{
		Title: "Predicted noise against " + name, XName: name, XUnit: unit,
		YName: "noise-to-signal power", LogY: YesLog,
		Subtitle: fmt.Sprintf("%s of %s", count(len(f.Points), "plan", "plans"), "which no other has less noise and less cost"),
	}
	if f.Merit != "" {
		d.Title, d.YName = "Best plans by their "+f.Merit+", against "+name, f.Merit
	}
	switch {
	case math.IsInf(f.Epsilon, 1):
		d.Subtitle += ", as far as the search went"
	case f.Epsilon > 0:
		d.Subtitle += fmt.Sprintf(", to within %.2g %%", 100*f.Epsilon)
	}
	l := Line{Name: "best plans"}
	if len(f.Points) > 0 {
		for _, i := range f.Thin(frontierPoints) {
			l.X, l.Y = append(l.X, f.Points[i].Cost), append(l.Y, f.Points[i].Noise)
		}
	}
	d.Lines = []Line{l}
	if choice != nil {
		d.Plan = &Point{Name: "chosen plan", X: costOf(f.Cost, *choice), Y: choice.Noise.Mean}
	}
	return Frontier(d)
}

func costName(cost string) (name, unit string) {
	switch cost {
	case quantlib.Bytes:
		return "size of the weights", "B"
	case quantlib.MeanWeightBits:
		return "mean bits of the weights", "bits"
	case quantlib.BOPs:
		return "bit operations", "BOPs"
	case sense.Latency:
		return "latency", "s"
	case sense.MeanActivationBits:
		return "mean bits of the activations", "bits"
	}
	return cost, ""
}

func costOf(cost string, c quantlib.Choice) float64 {
	switch cost {
	case quantlib.Bytes:
		return float64(c.Bytes)
	case quantlib.MeanWeightBits:
		return c.MeanBits
	case quantlib.BOPs:
		return c.BOPs
	case sense.Latency:
		return c.Seconds
	case sense.MeanActivationBits:
		return c.ActivationBits
	}
	return math.NaN()
}

// CheckedPlans draws the noise that was predicted of plans against what was
// measured with all of each quantized at once.
func CheckedPlans(c *quantlib.Checked) *Figure {
	d := ScatterData{
		Title: fmt.Sprintf("Predicted and measured SQNR of %s", count(len(c.Points), "plan", "plans")),
		Subtitle: fmt.Sprintf("measured noise %+.2f dB above predicted ± %.2f, rank correlation %.3f, %d samples",
			c.Bias, c.Spread, c.Rank, c.Samples),
		XName: "predicted SQNR", YName: "measured SQNR", Unit: "dB", Log: NoLog,
	}
	for _, p := range c.Points {
		d.Points = append(d.Points, Point{
			Name: fmt.Sprintf("%d B, %.2f bits", p.Plan.Bytes(), p.Plan.MeanBits()),
			X:    -10 * math.Log10(p.Predicted.Mean), Y: -10 * math.Log10(p.Measured.Mean),
		})
	}
	return Scatter(d)
}

// ChoiceWidths draws the widths of a chosen plan, with what it costs.
func ChoiceWidths(c quantlib.Choice) *Figure {
	d := WidthsOf(c.Plan)
	d.Title = "Bits of the chosen plan"
	parts := []string{fmt.Sprintf("%d bytes, %.2f bits a weight", c.Bytes, c.MeanBits)}
	if c.BOPs > 0 {
		parts = append(parts, fmt.Sprintf("%.4g bit operations", c.BOPs))
	}
	if c.Seconds > 0 {
		parts = append(parts, fmt.Sprintf("%.4g ms", 1e3*c.Seconds))
	}
	parts = append(parts, c.Quality())
	d.Subtitle = strings.Join(parts, ", ")
	return WidthBars(d)
}

// TargetWidths is [ChoiceWidths] of a plan that a rule accepted, with what was
// measured of it.
func TargetWidths(t quantlib.Target) *Figure {
	f := WidthsOf(t.Plan)
	f.Title = "Bits of the cheapest plan with " + t.Rule
	f.Subtitle = fmt.Sprintf("%d bytes, %.2f bits a weight; %s", t.Bytes, t.MeanBits, t.Accuracy)
	if t.Accuracy.Labeled {
		f.Subtitle += fmt.Sprintf("; float %.2f %%", 100*t.Float.Top1.Mean)
	}
	return WidthBars(f)
}

// DeviceRoofline draws the units of a network under their device's roofs. The
// rate of a unit is what the profile predicts of it, all costs included, and so
// lies below the roof where packing and launching take their share. Units without
// multiply-accumulates, or for which the device has no figures, are left out. A
// multiply-accumulate counts as one operation. ok is false where nothing is left
// to draw.
func DeviceRoofline(r *quantlib.Roofline) (f *Figure, ok bool) {
	d := RooflineData{Title: "Where the time goes on " + r.Profile}
	left := 0
	roof := map[float64]int{} // equally fast units share one
	for _, row := range r.Rows {
		if row.MACs == 0 || !(row.Seconds > 0) || !(row.Intensity > 0) || !(row.Balance > 0) {
			left++
			continue
		}
		name := fmt.Sprintf("%s × %s", widthName(row.Unit.Weight), widthName(row.Unit.Activation))
		k, known := roof[row.Unit.MACs]
		switch {
		case !known:
			k = len(d.Roofs)
			roof[row.Unit.MACs] = k
			d.Roofs = append(d.Roofs, Roof{Name: name, Peak: row.Unit.MACs})
		case !slices.Contains(strings.Split(d.Roofs[k].Name, ", "), name):
			d.Roofs[k].Name += ", " + name
		}
		d.Bandwidth = row.Unit.MACs / row.Balance
		d.Points = append(d.Points, RoofPoint{Name: row.Node, Intensity: row.Intensity, Rate: float64(row.MACs) / row.Seconds, Roof: k})
	}
	if len(d.Points) == 0 {
		return nil, false
	}
	d.Subtitle = fmt.Sprintf("predicted: %.4g ms for one sample; an operation is a multiply-accumulate", 1e3*r.Seconds)
	if left > 0 {
		d.Subtitle += fmt.Sprintf("; %s without arithmetic left out", count(left, "unit", "units"))
	}
	return Roofline(d), true
}

func widthName(bits int) string {
	if bits == hardware.Float32 {
		return "float"
	}
	return fmt.Sprint(bits)
}

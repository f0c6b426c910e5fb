package sense

// A Metric is one of the figures of a cell.
type Metric uint8

const (
	MetricSQNR      Metric = iota // Cell.NSR, as noise at the network's output
	MetricCosine                  // Cell.Cosine
	MetricMSE                     // Cell.MSE
	MetricAgreement               // Cell.Agreement
	MetricLoss                    // Cell.Loss and Cell.Rise
	MetricTop1                    // Cell.Top1
)

// Has reports whether the grid's scorer has found a metric: whether it is a number in
// a cell. It is NaN, or zero without labels, in the cells of a grid that has it not.
func (g *Grid) Has(m Metric) bool {
	switch {
	case m == MetricSQNR && g.Merit != "", (m == MetricLoss || m == MetricTop1) && !g.Labeled:
		return false
	}
	for _, cells := range [][]Cell{g.Cells, g.TieCells} {
		for _, c := range cells {
			if v, ok := c.metric(m); ok && c.Valid && v.Mean == v.Mean {
				return true
			}
		}
	}
	return false
}

func (c Cell) metric(m Metric) (Measure, bool) {
	switch m {
	case MetricSQNR:
		return c.NSR, true
	case MetricCosine:
		return c.Cosine, true
	case MetricMSE:
		return c.MSE, true
	case MetricAgreement:
		return c.Agreement, true
	case MetricLoss:
		return c.Loss, true
	case MetricTop1:
		return c.Top1, true
	}
	return Measure{}, false
}

// Shown is how to head Cell.SQNR of this grid: "SQNR", in dB, and what it is of. Where
// NSR is no noise at the output the name says that it is a score, -10·log10 of Merit.
func (g *Grid) Shown() (name, of string) {
	if g.Merit == "" {
		return "SQNR", "noise at the output"
	}
	return "score", "−10·log10 of the " + g.Merit
}

// Mode is what a table or a chart of the whole grid shows: Both, or Weight where the
// scorer knows of weights alone.
func (g *Grid) Mode() Mode {
	for i := int(Both); i < len(g.Cells); i += 3 {
		if g.Cells[i].Valid {
			return Both
		}
	}
	return Weight
}

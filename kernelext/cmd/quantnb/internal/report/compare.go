package report

import (
	"fmt"
	"io"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// Comparison is scorers beside each other on one network.
type Comparison struct {
	Model        string     `json:"model"`
	Data         Data       `json:"data"`
	Layers       int        `json:"layers"`
	Bits         []int      `json:"bits"`
	Samples      int        `json:"samples"`       // that scores were made on
	LayerSamples int        `json:"layer_samples"` // that single layers were measured on
	Float        Share      `json:"float"`         // top-1 of the float network on those
	Scorers      []Scorer   `json:"scorers"`
	Sets         []SetPlans `json:"sets"`
}

// Scorer is one way to score layers.
type Scorer struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Seconds Number `json:"seconds"`
	CPU     Number `json:"cpu_seconds"`
	// Rank correlations of the score of a layer's weight at a width with what was
	// measured with that alone quantized, over all layers and widths.
	RankRise Number   `json:"rank_loss"`
	RankDrop Number   `json:"rank_top1"`
	Within   []RankAt `json:"rank_loss_by_width"` // over the layers at one width
}

// RankAt is a rank correlation at one width.
type RankAt struct {
	Bits int    `json:"bits"`
	Rank Number `json:"rank"`
}

// SetPlans is the plans of one set of widths at one size.
type SetPlans struct {
	Bits     []int        `json:"bits"`
	MeanBits Number       `json:"mean_bits"` // at most
	Plans    []ScoredPlan `json:"plans"`
}

// ScoredPlan is the plan that a scorer's figures lead to, measured.
type ScoredPlan struct {
	Name    string `json:"name"`
	Bytes   int    `json:"bytes"`
	Top1    Share  `json:"top1"` // ± one standard error: over samples, or over seeds for chance
	SQNR    Number `json:"sqnr"` // dB
	Samples int    `json:"samples"`
}

// Text writes the comparison as columns for a terminal.
func (c *Comparison) Text(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s: %d layers, weights at %v bits, activations in float32", Safe(c.Model), c.Layers, c.Bits)
	p.line("data: %s", c.Data)
	if len(c.Scorers) > 0 {
		p.line("\nScoring on %d samples, and how scores rank layers as measured with one quantized at a time on %d samples (float top-1 %s %%)",
			c.Samples, c.LayerSamples, percent(c.Float))
		head := []string{"scorer", "s", "cpu s", "rank: loss", "rank: top-1"}
		for _, b := range c.Bits {
			head = append(head, "loss at "+chart.Bits(b))
		}
		rows := [][]string{head}
		for _, s := range c.Scorers {
			row := []string{s.Name, fmt.Sprintf("%.3f", float64(s.Seconds)), fmt.Sprintf("%.3f", float64(s.CPU)), rank(s.RankRise), rank(s.RankDrop)}
			for _, a := range s.Within {
				row = append(row, rank(a.Rank))
			}
			rows = append(rows, row)
		}
		p.table(rows)
		for _, s := range c.Scorers {
			p.line("  %s: %s", s.Name, s.Key)
		}
	}
	for _, s := range c.Sets {
		p.line("\nPlans with weights of %v bits, at most %g bits on average", s.Bits, float64(s.MeanBits))
		rows := [][]string{{"scorer", "bytes", "top-1 (%)", "SQNR (dB)"}}
		for _, x := range s.Plans {
			rows = append(rows, []string{x.Name, fmt.Sprint(x.Bytes), percent(x.Top1), decibel(x.SQNR)})
		}
		p.table(rows)
	}
	return p.err
}

// rank is a correlation with three places.
func rank(n Number) string {
	if n != n {
		return "n/a"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

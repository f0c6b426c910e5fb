package quantlib

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/sense"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// The names that a notebook cell types when it chooses how a grid is made.
type (
	Scorer     = sense.Scorer
	Exact      = sense.Exact
	OnePass    = sense.OnePass
	HAWQ       = sense.HAWQ
	ClosedForm = sense.ClosedForm
	Random     = sense.Random
	Ranking    = sense.Ranking
	Metric     = sense.Metric
)

// What a grid may tell; see Grid.Has.
const (
	MetricSQNR      = sense.MetricSQNR
	MetricCosine    = sense.MetricCosine
	MetricMSE       = sense.MetricMSE
	MetricAgreement = sense.MetricAgreement
	MetricLoss      = sense.MetricLoss
	MetricTop1      = sense.MetricTop1
)

// Score is what Grid is with this scorer as Study.Scorer; nil is Exact:
//
//	fast, err := study.Score(ctx, quantlib.OnePass{})
//	exact, err := study.Score(ctx, quantlib.Exact{})
//	r, err := quantlib.RankCorrelation(fast, exact, quantlib.Weight)
//
// Scorers answer for equal questions by their Key, under which results are
// stored. Grid.Has tells which metrics a scorer gives. Study.OnCell sees cells as they
// are found, and stopped work of Exact goes on in the next call, as Grid says; the
// other scorers take little time, start again, and show their cells at the end.
func (s *Study) Score(ctx context.Context, scorer Scorer, widths ...int) (*Grid, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if scorer == nil {
		scorer = sense.Exact{}
	}
	c := sense.Config{Widths: widths, Methods: s.Methods, Samples: s.Samples, Batch: p.batch, Progress: s.progress("measuring layers"), OnCell: s.OnCell}
	if c.Samples == 0 {
		c.Samples = defaultSamples
	}
	return recall(s, p, fmt.Sprint("grid ", widths, c.Samples, c.Methods, scorer.Key()), func() (*Grid, error) {
		st, err := s.statistics(ctx, p)
		if err != nil {
			return nil, err
		}
		store, key := s.memo(p, fmt.Sprint("cells ", c.Methods, scorer.Key()))
		if store != memo.Off {
			c.Series = store.Series(key)
		}
		return scorer.Score(ctx, sense.Subject{Session: p.session, Stats: st, Data: p.calibration}, c)
	}, func(data []byte) (*Grid, error) { return sense.RestoreGrid(p.m, data) }, (*Grid).MarshalBinary)
}

// RankCorrelation is sense.RankCorrelation.
func RankCorrelation(a, b *Grid, mode Mode, widths ...int) (Ranking, error) {
	return sense.RankCorrelation(a, b, mode, widths...)
}

// Logits is the same network without the Softmax that makes its only output, if
// one does, and the model itself otherwise. A softmax hides differences where it
// is sure of its answer, and derivatives with them: rank layers without it.
func (m *Model) Logits() (*Model, error) {
	outputs := m.file.Outputs()
	if len(outputs) != 1 {
		return m, nil
	}
	n := m.file.Producer(outputs[0].Name)
	if n == nil || n.Op != "Softmax" || !graph.IsStandard(n.Domain) {
		return m, nil
	}
	e := m.file.Edit()
	e.Replace(n)
	info, _ := m.file.Info(n.Input(0))
	if info.Name == "" {
		info = graph.Value{Name: n.Input(0), DType: tensor.Float32}
	}
	e.SetOutputs(info)
	g, err := e.Graph()
	if err != nil {
		return nil, fmt.Errorf("quantlib: taking the softmax off: %w", err)
	}
	l := newModel(g, nil)
	l.known = m.known
	l.key = func() memo.Key { return memo.KeyOf(m.key(), "without its softmax") }
	return l, nil
}

package quantlib

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/analyse"
)

// The reports of Study.Parameters, Study.Analyse and Study.Variable.
type (
	ParameterReport = analyse.Parameters
	NetworkReport   = analyse.Report
	VariableReport  = analyse.Variable
	Hint            = analyse.Hint
)

// Parameters is how the weights are spread, channel by channel: range, mean,
// standard deviation, outliers and kurtosis; with a hint at each weight in which one
// channel would spoil a scale that all share. It needs no samples.
func (s *Study) Parameters(ctx context.Context) (*ParameterReport, error) {
	m, err := s.Map()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return analyse.Weights(m)
}

// Analyse runs the network under a plan beside the float network over the test
// samples, with everything quantized at once, and reports on every value: how it is
// spread, how its noise is, and how much noise has gathered there; with hints at
// likely causes.
func (s *Study) Analyse(ctx context.Context, pl Plan) (*NetworkReport, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if pl.Map() != p.m {
		return nil, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	return recall(s, p, fmt.Sprint("analyse ", pl.Key(), s.Methods), func() (*NetworkReport, error) {
		st, err := s.statistics(ctx, p, pl)
		if err != nil {
			return nil, err
		}
		return analyse.Network(ctx, st, pl, p.test, s.analysis(p, "analysing the network"))
	}, restore[NetworkReport], store[NetworkReport])
}

// Variable reports on one value of the network, by its name in the file: histograms
// and moments of the float value, of the quantized one under a plan, and of the
// difference, over the test samples.
func (s *Study) Variable(ctx context.Context, value string, pl Plan) (*VariableReport, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if pl.Map() != p.m {
		return nil, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	return recall(s, p, fmt.Sprintf("variable %q %s %v", value, pl.Key(), s.Methods), func() (*VariableReport, error) {
		st, err := s.statistics(ctx, p, pl)
		if err != nil {
			return nil, err
		}
		return analyse.Value(ctx, st, pl, value, p.test, s.analysis(p, "analysing a value"))
	}, restore[VariableReport], store[VariableReport])
}

func (s *Study) analysis(p parts, what string) analyse.Config {
	return analyse.Config{Methods: s.Methods, Batch: p.batch, Threads: p.session.Threads(), Progress: s.progress(what)}
}

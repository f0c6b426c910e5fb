package quantlib

import (
	"context"
	"errors"

	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// QuantizedNetwork is what an exporter writes; see package format.
type QuantizedNetwork = format.Network

// Quantized is the study's network with a plan and the scales and zero points
// that the calibration samples give it.
func (s *Study) Quantized(ctx context.Context, pl Plan) (*QuantizedNetwork, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if pl.Map() != p.m {
		return nil, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	st, err := s.statistics(ctx, p, pl)
	if err != nil {
		return nil, err
	}
	n := &QuantizedNetwork{Plan: pl, Params: make([]quant.Params, len(p.m.Quantizers)), Samples: st.Samples(), Methods: s.Methods.String()}
	for i := range p.m.Quantizers {
		if scheme := pl.Scheme(i); !scheme.IsFloat32() {
			if n.Params[i], err = st.ParamsContext(ctx, i, scheme, s.Methods); err != nil {
				return nil, err
			}
		}
	}
	n.Biases = make([]quant.Params, len(p.m.Layers))
	for i := range p.m.Layers {
		if n.Biases[i], _, err = st.BiasParams(i, pl, s.Methods); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Export writes the network under a plan to a file, in the format that the path's
// extension names: ".onnx" with QuantizeLinear and DequantizeLinear (see
// format.QDQ), ".json" for other tools, and what format.RegisterExporter has
// added. The file appears whole or not at all.
func (s *Study) Export(ctx context.Context, pl Plan, path string) error {
	n, err := s.Quantized(ctx, pl)
	if err != nil {
		return err
	}
	return format.Save(path, n)
}

package format

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

type (
	networkJSON struct {
		Format     string          `json:"format"`
		Methods    string          `json:"methods,omitempty"`
		Samples    int             `json:"samples,omitempty"`
		Plan       plan.Plan       `json:"plan"`
		Quantizers []quantizerJSON `json:"quantizers"`
	}
	quantizerJSON struct {
		Value       string    `json:"value"`
		Role        string    `json:"role"`
		Scheme      string    `json:"scheme"`
		Bits        int       `json:"bits"`
		Low         int32     `json:"low"`
		High        int32     `json:"high"`
		Shape       []int     `json:"shape,omitempty"`
		Granularity string    `json:"granularity"`
		Axis        *int      `json:"axis,omitempty"`
		GroupAxis   *int      `json:"group_axis,omitempty"`
		GroupSize   int       `json:"group_size,omitempty"`
		Scale       []float32 `json:"scale"`
		Zero        []int32   `json:"zero"`
	}
)

var granularities = map[quant.Granularity]string{quant.PerTensor: "tensor", quant.PerChannel: "channel", quant.PerGroup: "group"}

// JSON is the Exporter of ".json": what another tool needs to quantize the float
// network alike, without the weights. It writes
//
//	{"format": "quantnb 1", "methods": …, "samples": …, "plan": …,
//	 "quantizers": [{"value": "w", "role": "weight", "scheme": "int4 per-channel",
//	   "bits": 4, "low": -8, "high": 7, "shape": [8, 3, 3, 3], "granularity": "channel",
//	   "axis": 0, "scale": […], "zero": […]}]}
//
// where plan is what plan.Map.ReadPlan reads, low and high are the least and the
// greatest code, and scale and zero have an element for each granule (see
// quant.Layout). Biases come last, with the role "bias". A value that the plan leaves in float32 is not listed. Numbers
// have the digits that give the same float32 again. Names that are not UTF-8 are
// an error.
func JSON(w io.Writer, n *Network) error {
	if err := n.Validate(); err != nil {
		return err
	}
	out := networkJSON{Format: "quantnb 1", Methods: n.Methods, Samples: n.Samples, Plan: n.Plan, Quantizers: []quantizerJSON{}}
	for i, q := range n.Plan.Map().Quantizers {
		s := n.Plan.Scheme(i)
		if s.IsFloat32() {
			continue
		}
		j := quantizerJSON{Value: q.Value, Role: q.Role.String(), Scheme: s.String(), Bits: s.Bits,
			Granularity: granularities[s.Granularity], GroupSize: s.GroupSize, Scale: n.Params[i].Scale, Zero: n.Params[i].Zero}
		j.Low, j.High = s.Range()
		if t := n.Const(i); t != nil {
			j.Shape = t.Shape()
			if s.Granularity != quant.PerTensor && q.Role != plan.Activation {
				j.Axis = &q.Axis
			}
			if s.Granularity == quant.PerGroup && q.Role != plan.Activation {
				j.GroupAxis = &q.Group
			}
		}
		if n.Const(i) == nil && s.Granularity == quant.PerChannel {
			j.Axis = &q.Axis
		}
		if j.Zero == nil {
			j.Zero = make([]int32, len(j.Scale))
		}
		out.Quantizers = append(out.Quantizers, j)
	}
	for i, l := range n.Plan.Map().Layers {
		if !n.HasBias(i) {
			continue
		}
		t, s := n.Graph().Const(l.Bias), n.Plan.Bias(i)
		j := quantizerJSON{Value: l.Bias, Role: "bias", Scheme: s.String(), Bits: s.Bits, Shape: t.Shape(),
			Granularity: granularities[quant.PerTensor], Scale: n.Biases[i].Scale, Zero: n.Biases[i].Zero}
		j.Low, j.High = s.Range()
		if axis := t.Rank() - 1; len(j.Scale) > 1 {
			j.Granularity, j.Axis = granularities[quant.PerChannel], &axis
		}
		if j.Zero == nil {
			j.Zero = make([]int32, len(j.Scale))
		}
		out.Quantizers = append(out.Quantizers, j)
	}
	data, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("format: %w", err)
	}
	return nil
}

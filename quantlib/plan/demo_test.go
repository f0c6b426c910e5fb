package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/rewrite"
)

// demoNetwork is the embedded network with its batch normalizations folded.
func demoNetwork() (*graph.Graph, error) {
	g, err := onnx.Read(bytes.NewReader(demo.Model()))
	if err != nil {
		return nil, err
	}
	return rewrite.Apply(g, rewrite.FoldBatchNorm)
}

func TestDemoUnderEachProfile(t *testing.T) {
	g, err := demoNetwork()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		profile *hardware.Profile
		layers  int
		without []string // layers without weights, with the values they take
		ties    []string
	}{
		{hardware.Simulation(), 17, nil, nil},
		{hardware.ORTCPU(), 22, []string{
			"block2/add block2/project_bn/output block1/relu/output", "se/pool block3/relu/output", "se/mul block3/relu/output se/gate/output",
			"block4/add block4/pw_bn/output se/mul/output", "head/pool head/relu/output"}, nil},
		{hardware.GPU(), 22, []string{
			"block2/add block1/relu/output", "se/pool block3/relu/output", "se/mul block3/relu/output",
			"block4/add se/mul/output", "head/pool head/relu/output"}, []string{
			"block1/relu/output block2/dw_clip/output: both enter the fused conv-add-activation at block2/project",
			"block3/relu/output se/relu/output: both enter the fused conv-swish at se/expand",
			"se/mul/output block4/dw_clip/output: both enter the fused conv-add-activation at block4/pw"}},
		{hardware.NPU(), 22, []string{
			"block2/add block1/relu/output", "se/pool block3/relu/output", "se/mul block3/relu/output",
			"block4/add se/mul/output", "head/pool head/relu/output"}, []string{
			"block1/relu/output block2/dw_clip/output: both enter the fused conv-add-activation at block2/project",
			"block3/relu/output se/relu/output: both enter the fused conv-swish at se/expand",
			"se/mul/output block4/dw_clip/output: both enter the fused conv-add-activation at block4/pw"}},
		{hardware.MCU(), 22, []string{
			"block2/add block2/project_bn/output block1/relu/output", "se/pool block3/relu/output", "se/mul block3/relu/output se/gate/output",
			"block4/add block4/pw_bn/output se/mul/output", "head/pool head/relu/output"}, []string{
			"block1/relu/output block2/project_bn/output: both feed block2/add",
			"block3/relu/output se/gate/output: both feed se/mul",
			"se/mul/output block4/pw_bn/output: both feed block4/add"}},
	} {
		t.Run(c.profile.Name, func(t *testing.T) {
			m, err := plan.PlaceFor(g, c.profile)
			if err != nil {
				t.Fatal(err)
			}
			if m.Profile != c.profile || len(m.Layers) != c.layers {
				t.Errorf("%d layers under %q, want %d", len(m.Layers), m.Profile.Name, c.layers)
			}
			var without, ties []string
			for _, l := range m.Layers {
				if l.Weight >= 0 {
					continue
				}
				text := l.Name
				for _, a := range l.Activations {
					text += " " + m.Quantizers[a].Value
				}
				without = append(without, text)
			}
			for _, l := range m.Links {
				ties = append(ties, m.Quantizers[l.A].Value+" "+m.Quantizers[l.B].Value+": "+l.Reason)
				if l.Scale {
					t.Errorf("%v shares scales", l)
				}
			}
			if !slices.Equal(without, c.without) {
				t.Errorf("layers without weights\n%s\nwant\n%s", strings.Join(without, "\n"), strings.Join(c.without, "\n"))
			}
			if !slices.Equal(ties, c.ties) {
				t.Errorf("links\n%s\nwant\n%s", strings.Join(ties, "\n"), strings.Join(c.ties, "\n"))
			}
			if got, want := len(m.Ties), len(m.Quantizers)-len(c.ties); got != want {
				t.Errorf("%d ties, want %d", got, want)
			}
			p := m.Uniform(8, 8)
			data, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if q, err := m.ReadPlan(data); err != nil || !q.Equal(p) {
				t.Errorf("the plan is not what was read back: %v", err)
			}
		})
	}
}

func TestDemoHasTheSameQuantizersFoldedOrNot(t *testing.T) {
	raw, err := onnx.Read(bytes.NewReader(demo.Model()))
	if err != nil {
		t.Fatal(err)
	}
	folded, err := demoNetwork()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range hardware.Builtin() {
		a, err1 := plan.PlaceFor(raw, p)
		b, err2 := plan.PlaceFor(folded, p)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		// A folded weight may have another name; values that flow keep theirs.
		if !slices.Equal(a.Activations(), b.Activations()) || len(a.Links) != len(b.Links) {
			t.Errorf("%s: activations\n%v\nfolded\n%v", p.Name, a.Activations(), b.Activations())
		}
	}
	a, err1 := plan.Place(folded)
	b, err2 := plan.PlaceFor(folded, hardware.Simulation())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a.Quantizers, a.Layers, a.Ties, a.Links) != fmt.Sprint(b.Quantizers, b.Layers, b.Ties, b.Links) {
		t.Error("Place is not PlaceFor under Simulation")
	}
}

func ExamplePlaceFor() {
	g, err := demoNetwork()
	if err != nil {
		panic(err)
	}
	for _, p := range hardware.Builtin() {
		m, err := plan.PlaceFor(g, p)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%-10s %d layers, %d quantizers, %d ties\n", p.Name, len(m.Layers), len(m.Quantizers), len(m.Ties))
	}
	// Output:
	// simulation 17 layers, 33 quantizers, 33 ties
	// ort-cpu    22 layers, 38 quantizers, 38 ties
	// gpu        22 layers, 35 quantizers, 32 ties
	// npu        22 layers, 35 quantizers, 32 ties
	// mcu        22 layers, 38 quantizers, 35 ties
}

func ExampleMap() {
	g, err := demoNetwork()
	if err != nil {
		panic(err)
	}
	m, err := plan.PlaceFor(g, hardware.NPU())
	if err != nil {
		panic(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(m.String()), "\n") {
		if i < 3 || i > len(m.Layers) { // the first layers, and what is tied
			fmt.Println(line)
		}
	}
	// Output:
	// layer            operator           weight                                     activations
	// stem/conv        Conv               stem/conv/weight.folded [16 1 3 3]         input
	// block1/dw        Conv               block1/dw/weight.folded [16 1 3 3]         stem/relu/output
	// tied, activation: block1/relu/output, block2/dw_clip/output
	// tied, activation: block3/relu/output, se/relu/output
	// tied, activation: se/mul/output, block4/dw_clip/output
	// 22 layers, 35 quantizers, 32 widths to choose, 3 of them of several quantizers; profile npu
}

func ExampleMap_Explain() {
	g, err := demoNetwork()
	if err != nil {
		panic(err)
	}
	m, err := plan.PlaceFor(g, hardware.MCU())
	if err != nil {
		panic(err)
	}
	for _, pair := range [][2]string{
		{"block2/project_bn/output", "block1/relu/output"},
		{"block1/pw", "block2/project"},
		{"branch/a", "branch/b_reduce"},
		{"stem/conv", "head/fc"},
	} {
		text, err := m.Explain(pair[0], pair[1])
		if err != nil {
			panic(err)
		}
		fmt.Println(text)
	}
	// Output:
	// block2/project_bn/output and block1/relu/output share a width: both feed block2/add
	// the outputs of block1/pw and block2/project share a width: both feed block2/add
	// branch/a and branch/b_reduce share a width and a scale: the value block2/add/output has one quantizer
	// stem/conv and head/fc are not tied: each takes its own width
}

func ExampleMap_ReadPlan() {
	g, err := demoNetwork()
	if err != nil {
		panic(err)
	}
	m, err := plan.PlaceFor(g, hardware.NPU())
	if err != nil {
		panic(err)
	}
	p, err := m.Uniform(8, 8).With("depth:3-5", 4, 4)
	if err != nil {
		panic(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.175s…\n", data)
	again, err := m.ReadPlan(data)
	fmt.Println(again.Equal(p), err)
	_, err = m.ReadPlan(bytes.Replace(data, []byte(`"uint8"`), []byte(`"uint99"`), 1))
	fmt.Println(err)
	// Output:
	// {"profile":"npu","layers":[{"name":"stem/conv","op":"Conv","weight":"int8 per-channel","bias":"int32","activations":[{"value":"input","scheme":"uint8"}]},{"name":"block1/dw","…
	// true <nil>
	// plan: layers[0] "stem/conv": activations[0].scheme: quant: scheme "uint99": 99 bits; widths are 1..16, or 32 for biases
}

func ExamplePlan_BOPs() {
	g, err := demoNetwork()
	if err != nil {
		panic(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		panic(err)
	}
	macs := make([]int64, len(m.Layers)) // as measured, or computed from shapes
	for i := range macs {
		macs[i] = 1000
	}
	fmt.Println(m.Float().BOPs(macs), m.Uniform(4, 8).BOPs(macs))
	// Output: 17408000 544000
}

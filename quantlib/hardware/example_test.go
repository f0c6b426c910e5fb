package hardware_test

import (
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// A device as a JSON file: convolutions at 4 and 8 bits, Relu fused, Concat wants
// equal scales.
func ExampleRead() {
	const file = `{
	"name": "my-chip",
	"ops": {
		"Conv": {"inputs": ["activation", "weight", "bias"]},
		"Add":  {"inputs": ["activation", "activation"]}
	},
	"pass": ["Reshape", "MaxPool"],
	"fuse": [{"name": "conv-relu", "ops": ["Conv", "Relu|Clip?"]}],
	"ties": [{"ops": ["Concat"], "inputs": true, "outputs": true, "scale": true}],
	"weights":     {"widths": [4, 6, 8], "scheme": "int8 per-channel"},
	"activations": {"widths": [8],       "scheme": "uint8"},
	"units":   [{"weight": 8, "activation": 8, "macs": 1e12}],
	"storage": [4, 8],
	"memory":  1e10,
	"pack":    1e9,
	"launch":  1e-6
}`
	p, err := hardware.Read(strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, bits := range []int{8, 6, 4} {
		w := hardware.Work{Op: "Conv", MACs: 1e7, Weights: 1e6, Inputs: 1e4, Outputs: 1e4,
			WeightBits: bits, InputBits: 8, OutputBits: 8}
		seconds, bound := p.Seconds(w)
		fmt.Printf("%d bits: %.0f µs, bound by %s\n", bits, seconds*1e6, bound)
	}
	_, err = hardware.Read(strings.NewReader(strings.Replace(file, `"bias"]`, `"bais"]`, 1)))
	fmt.Println(err)
	// Output:
	// 8 bits: 103 µs, bound by memory
	// 6 bits: 1011 µs, bound by packing
	// 4 bits: 53 µs, bound by memory
	// hardware: profile "my-chip": ops.Conv.inputs[2]: unknown role "bais"
}

// A device as a Go value of one's own: 2- to 8-bit weights, activations of 8 bits,
// biases as integer kernels add them, sums fused into the convolution before them
// and wanting operands of equal width.
func ExampleProfile_own() {
	in := func(roles ...hardware.Role) hardware.Op { return hardware.Op{Inputs: roles} }
	p := &hardware.Profile{
		Name: "my-chip",
		Ops: map[string]hardware.Op{
			"Conv": in(hardware.Activation, hardware.Weight, hardware.Bias),
			"Gemm": in(hardware.Activation, hardware.Weight, hardware.Bias),
			"Add":  in(hardware.Activation, hardware.Activation),
		},
		Pass: []string{"Reshape", "Flatten", "MaxPool", "Transpose"},
		Fuse: []hardware.Pattern{{Name: "conv-add-relu", Ops: []string{"Conv", "Add?", "Relu|Clip"}}},
		Ties: []hardware.Tie{{Ops: []string{"Add"}, Inputs: true}, {Ops: []string{"Concat"}, Inputs: true, Outputs: true, Scale: true}},

		Weights:     hardware.Operand{Widths: []int{2, 4, 8}, Scheme: quant.Int(8).PerChannel()},
		Activations: hardware.Operand{Widths: []int{8}, Scheme: quant.Uint(8)},
		Biases:      quant.Int(32),

		Units:   []hardware.Unit{{Weight: 8, Activation: 8, MACs: 1e12}},
		Storage: []int{4, 8},
		Memory:  1e10,
		Launch:  1e-6,
	}
	fmt.Println(p.Validate())
	seconds, bound := p.Seconds(hardware.Work{Op: "Conv", MACs: 1e8, Weights: 1e5, WeightBits: 2, Inputs: 1e4, InputBits: 8, Outputs: 1e4, OutputBits: 8})
	fmt.Printf("%.0f µs, bound by %s\n", seconds*1e6, bound)
	// Output:
	// <nil>
	// 101 µs, bound by compute
}

// A device as a Go value: one of the built-in ones, changed.
func ExampleProfile() {
	p := hardware.NPU()
	p.Name = "npu-half-the-memory"
	p.Memory /= 2
	u, _ := p.Native(6, 8)
	fmt.Printf("6-bit weights run as %d bits\n", u.Weight)
	// Output:
	// 6-bit weights run as 8 bits
}

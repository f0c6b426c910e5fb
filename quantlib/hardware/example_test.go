package hardware_test

import (
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/hardware"
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

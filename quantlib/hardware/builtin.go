package hardware

import (
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// matrixOps are the operators that do a network's arithmetic.
func matrixOps() map[string]Op {
	return map[string]Op{
		"Conv":          {Inputs: []Role{Activation, Weight, Bias}},
		"ConvTranspose": {Inputs: []Role{Activation, Weight, Bias}},
		"Gemm":          {Inputs: []Role{Activation, Either, Bias}},
		"MatMul":        {Inputs: []Role{Either, Either}},
	}
}

// with adds operators that take all inputs as activations.
func with(ops map[string]Op, inputs int, names ...string) map[string]Op {
	for _, name := range names {
		o := Op{}
		for range inputs {
			o.Inputs = append(o.Inputs, Activation)
		}
		ops[name] = o
	}
	return ops
}

// movers move values and compute none. MaxPool is among them: the greatest code
// is the code of the greatest value.
func movers() []string {
	return []string{
		"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Gather",
		"Expand", "Tile", "Pad", "DepthToSpace", "SpaceToDepth", "MaxPool", "Dropout",
	}
}

const activations = "Relu|Clip|LeakyRelu|PRelu|HardSigmoid|HardSwish|Sigmoid|Tanh|Elu?"

func fusions() []Pattern {
	return []Pattern{
		{"conv-bn-activation", []string{"Conv|ConvTranspose", "BatchNormalization?", activations}},
		{"conv-add-activation", []string{"Conv", "BatchNormalization?", "Add", activations}},
		{"conv-swish", []string{"Conv", "BatchNormalization?", "Sigmoid|HardSigmoid", "Mul"}},
		{"gemm-activation", []string{"Gemm", activations}},
		{"matmul-bias-activation", []string{"MatMul", "Add?", activations}},
		{"swish", []string{"Sigmoid|HardSigmoid", "Mul"}},
		{"gelu", []string{"Div|Mul", "Erf", "Add", "Mul", "Mul?"}},
		{"layer-norm", []string{"ReduceMean", "Sub", "Pow|Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul?", "Add?"}},
	}
}

func upTo(n int) []int {
	var w []int
	for b := 1; b <= n; b++ {
		w = append(w, b)
	}
	return append(w, Float32)
}

var (
	weightScheme     = quant.Int(8).PerChannel()
	narrowScheme     = quant.Scheme{Bits: 8, Narrow: true}.PerChannel()
	activationScheme = quant.Uint(8)
	symmetric        = quant.Int(8)
)

// floats is the 8-bit float formats with scales of these granularities.
func floats(granularities ...quant.Granularity) (list []quant.Scheme) {
	for _, f := range []quant.Float{quant.E4M3FN, quant.E5M2} {
		for _, g := range granularities {
			s := quant.FP8(f)
			s.Granularity = g
			list = append(list, s)
		}
	}
	return list
}

// Simulation allows every width from 1 to 16 on every tensor and ties nothing.
// Its latency is unknown. Conv, ConvTranspose, Gemm and MatMul are quantized, and
// nothing comes between them and the activation function after them. Weights are
// signed, symmetric, of narrow range and per channel, activations unsigned,
// asymmetric and per tensor; where a plan says so, whatever quant.Scheme has: 8-bit
// floats, groups, other roundings.
func Simulation() *Profile {
	return &Profile{
		Name:        "simulation",
		Doc:         "No device: every width, no ties, no latency.",
		Ops:         matrixOps(),
		Pass:        movers(),
		Fuse:        fusions(),
		Weights:     Operand{Widths: upTo(16), Scheme: narrowScheme, Any: true},
		Activations: Operand{Widths: upTo(16), Scheme: activationScheme, Any: true},
	}
}

// joins are the ties of devices that compute element-wise operators in codes:
// operands of sums, products and the like have one width. With scale, Concat and
// Split, which copy codes, share scales too.
func joins(scale bool) []Tie {
	return []Tie{
		{Ops: []string{"Concat", "Split"}, Inputs: true, Outputs: true, Scale: scale},
		{Ops: []string{"Add", "Sub", "Mul", "Div", "Sum"}, Inputs: true},
		{Ops: []string{"Min", "Max"}, Inputs: true, Outputs: true, Scale: scale},
	}
}

// ORTCPU has the rules of ONNX Runtime's CPU provider: 8-bit weights and
// activations in QDQ form, 4-bit weights for MatMul (MatMulNBits), everything
// else in float32. See https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
//
// Its speeds are those of an illustrative core, not of a product: 3 GHz, two
// 8-lane FMA units (48·10⁹ MAC/s in float32), the AVX2 byte product at twice
// that (each lane holds four bytes, the sequence takes three instructions and
// more), one channel of DDR4-3200 (25.6·10⁹ B/s by its name).
func ORTCPU() *Profile {
	ops := with(matrixOps(), 2, "Add", "Mul")
	ops = with(ops, 1, "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu", "Softmax")
	m := ops["MatMul"]
	m.Weights = []int{4, 8, Float32}
	ops["MatMul"] = m
	return &Profile{
		Name:        "ort-cpu",
		Doc:         "Rules of ONNX Runtime's CPU provider; speeds of an illustrative AVX2 core at 3 GHz.",
		Ops:         ops,
		Pass:        movers(),
		Fuse:        fusions()[:1],
		Ties:        joins(false)[:1],
		Weights:     Operand{Widths: []int{8, Float32}, Scheme: weightScheme},
		Activations: Operand{Widths: []int{8, Float32}, Scheme: activationScheme},
		Biases:      quant.Int(32),
		Units:       []Unit{{8, 8, 96e9}, {Float32, Float32, 48e9}},
		Storage:     []int{4, 8, 16, Float32},
		Memory:      25.6e9,
		Elementwise: 6e9,
		Launch:      2e-6,
	}
}

// GPU has the rules of a TensorRT-like runtime: symmetric codes only, weights per
// channel, activations per tensor; element-wise operators and Concat fused into
// the layers around them want equal widths.
// See https://docs.nvidia.com/deeplearning/tensorrt/ (working with quantized types).
//
// Peak speeds and bandwidth are those of the NVIDIA T4 datasheet: 8.1 TFLOPS
// FP32, 65 TFLOPS mixed FP16, 130 TOPS INT8, 260 TOPS INT4, 320 GB/s; one MAC is
// two operations. 8-bit floats, which that chip lacks and its successors have, are
// taken at the speed of INT8. 16-bit integers have no unit there: the 16-bit row is FP16.
// Launch is illustrative. A network reaches a part of the peaks.
func GPU() *Profile {
	return &Profile{
		Name:        "gpu",
		Doc:         "TensorRT-like rules; peaks of the NVIDIA T4 datasheet, launch time illustrative.",
		Ops:         with(with(matrixOps(), 2, "Add", "Mul"), 1, "AveragePool", "GlobalAveragePool"),
		Pass:        movers(),
		Fuse:        fusions(),
		Ties:        joins(true),
		Weights:     Operand{Widths: []int{4, 8, 16, Float32}, Scheme: weightScheme, Formats: floats(quant.PerTensor, quant.PerChannel)},
		Activations: Operand{Widths: []int{4, 8, 16, Float32}, Scheme: symmetric, Formats: floats(quant.PerTensor)},
		Units: []Unit{
			{4, 4, 130e12}, {8, 8, 65e12}, {16, 16, 32.5e12}, {Float32, Float32, 4.05e12},
		},
		Storage: []int{4, 8, 16, Float32},
		Memory:  320e9,
		Launch:  5e-6,
	}
}

// NPU is an illustrative accelerator with 4- and 8-bit arithmetic, no product:
// 2·10¹² MAC/s at 8 by 8 bits, as many at 4 by 8, twice at 4 by 4, and one
// 32-bit channel of LPDDR4-3200 (12.8·10⁹ B/s by its name). Other widths are
// stored packed, at a cost, and computed at the next wider one. Concat and Split
// copy codes.
func NPU() *Profile {
	return &Profile{
		Name:        "npu",
		Doc:         "An illustrative 4/8-bit accelerator, no product.",
		Ops:         with(with(matrixOps(), 2, "Add", "Sub", "Mul", "Min", "Max"), 1, "AveragePool", "GlobalAveragePool", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Softmax"),
		Pass:        movers(),
		Fuse:        fusions(),
		Ties:        joins(true),
		Weights:     Operand{Widths: []int{2, 3, 4, 5, 6, 7, 8}, Scheme: weightScheme},
		Activations: Operand{Widths: []int{4, 8}, Scheme: activationScheme},
		Biases:      quant.Int(32),
		Units:       []Unit{{4, 4, 4e12}, {4, 8, 2e12}, {8, 8, 2e12}},
		Storage:     []int{4, 8},
		Memory:      12.8e9,
		Pack:        4e9,
		Elementwise: 8e9,
		Launch:      10e-6,
	}
}

// MCU has the rules of CMSIS-NN on a micro-controller: 8-bit activations,
// symmetric weights of 8 or 4 bits per channel, 16-bit activations with 8-bit
// weights. See https://github.com/ARM-software/CMSIS-NN.
//
// The speed is an upper limit that instructions set, not a measurement: a core at
// 480 MHz whose SMLAD instruction makes two 16-bit products per cycle, for all
// widths, since narrower codes are widened to 16 bits first. 4-bit weights cost
// two elements per cycle to unpack. Memory and element speeds are illustrative:
// four bytes and one element per cycle.
func MCU() *Profile {
	const clock = 480e6
	return &Profile{
		Name:        "mcu",
		Doc:         "Rules of CMSIS-NN; an upper limit for a 480 MHz core with two 16-bit products per cycle; memory illustrative.",
		Ops:         with(with(matrixOps(), 2, "Add", "Mul"), 1, "AveragePool", "GlobalAveragePool", "Softmax"),
		Pass:        movers(),
		Fuse:        fusions()[:1],
		Ties:        joins(true),
		Weights:     Operand{Widths: []int{4, 8}, Scheme: weightScheme},
		Activations: Operand{Widths: []int{8, 16}, Scheme: quant.Scheme{Bits: 8, Asymmetric: true}},
		Biases:      quant.Int(32),
		Units:       []Unit{{16, 16, 2 * clock}},
		Storage:     []int{8, 16, Float32},
		Memory:      4 * clock,
		Pack:        2 * clock,
		Elementwise: clock,
		Launch:      20e-6,
	}
}

// Builtin lists the built-in profiles.
func Builtin() []*Profile {
	return []*Profile{Simulation(), ORTCPU(), GPU(), NPU(), MCU()}
}

// ByName is the built-in profile of a name; an unknown name is an error that
// lists the known ones.
func ByName(name string) (*Profile, error) {
	var names []string
	for _, p := range Builtin() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("hardware: no profile %q; there are %s", name, strings.Join(names, ", "))
}

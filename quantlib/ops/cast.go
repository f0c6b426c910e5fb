package ops

import (
	"math"
	"strconv"
	"strings"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Cast", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		to := c.Node.Int("to", 0)
		if name := c.Node.Text("to", ""); name != "" {
			for d := tensor.Float32; d.Known(); d++ { // before opset 6 the type is a name
				if strings.EqualFold(d.String(), map[string]string{"FLOAT": "float32", "DOUBLE": "float64"}[name]) || strings.EqualFold(d.String(), name) {
					to = int64(d)
				}
			}
		}
		return one(cast(c, in[0], tensor.DType(to)))
	})
	register("CastLike", 15, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(cast(c, in[0], in[1].DType())) })
	register("BitCast", 26, 1, bitCast)
}

// cast is Cast: floats are truncated to integers and rounded half to even to
// narrower floats; integers wrap around; anything but zero is true. To an 8-bit
// float it saturates unless the saturate attribute is 0.
func cast(c *Call, x *tensor.Tensor, to tensor.DType) *tensor.Tensor {
	if !to.Known() {
		fail("cast to type %d", to)
	}
	from := x.DType()
	if from == to {
		return x
	}
	shape := x.Shape()
	if from == tensor.String {
		return parseStrings(c, x, to)
	}
	if to == tensor.String {
		return formatStrings(x)
	}
	out := c.Alloc(to, shape...)
	saturate := c.Node.Int("saturate", 1) != 0
	switch {
	case smallFloat(to):
		codes := make([]uint8, x.Len())
		mode := c.Node.Text("round_mode", "up")
		for i, v := range load[float64](x) {
			if to == tensor.Float8E8M0 {
				codes[i] = powerCode(v, mode, saturate)
			} else {
				codes[i] = smallCode(to, v, saturate)
			}
		}
		pack(out, codes)
	case to == tensor.Bool && from.IsFloat():
		dst := tensor.Data[uint8](out)
		for i, v := range load[float64](x) {
			dst[i] = 0
			if v != 0 {
				dst[i] = 1
			}
		}
	case from == tensor.Float32 && to == tensor.Int64:
		dst := out.I64()
		for i, v := range x.F32() {
			dst[i] = truncate(float64(v))
		}
	case from.IsFloat() && (signed(to) || unsigned(to)):
		if to == tensor.Uint64 {
			store(out, load[float64](x))
			break
		}
		whole := make([]int64, x.Len())
		for i, v := range load[float64](x) {
			whole[i] = truncate(v)
		}
		store(out, whole)
	case from.IsFloat():
		if to == tensor.Float32 && from != tensor.Float64 {
			copy(out.F32(), load[float32](x))
			break
		}
		store(out, load[float64](x))
	case from == tensor.Uint64:
		store(out, load[uint64](x))
	default:
		store(out, load[int64](x))
	}
	return out
}

// truncate is v toward zero; NaN and what lies outside gives the least int64,
// as the processors' own conversion does.
func truncate(v float64) int64 {
	if v >= -(1<<63) && v < 1<<63 {
		return int64(v)
	}
	return math.MinInt64
}

func smallFloat(d tensor.DType) bool {
	switch d {
	case tensor.Float8E4M3, tensor.Float8E4M3Z, tensor.Float8E5M2, tensor.Float8E5M2Z, tensor.Float4E2M1, tensor.Float8E8M0:
		return true
	}
	return false
}

// parseStrings reads numbers as C's strtod does.
func parseStrings(c *Call, x *tensor.Tensor, to tensor.DType) *tensor.Tensor {
	values := make([]float64, x.Len())
	whole := make([]int64, x.Len())
	for i, s := range x.Strings() {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil && !math.IsInf(v, 0) {
			fail("%q is not a number", s)
		}
		values[i] = v
		if whole[i], err = strconv.ParseInt(s, 10, 64); err != nil {
			whole[i] = truncate(v)
		}
	}
	out := c.Alloc(to, x.Shape()...)
	if to.IsFloat() {
		store(out, values)
	} else {
		store(out, whole)
	}
	return out
}

// formatStrings writes numbers in the shortest form that reads back the same.
func formatStrings(x *tensor.Tensor) *tensor.Tensor {
	out := make([]string, x.Len())
	bits := 32
	if x.DType() == tensor.Float64 {
		bits = 64
	}
	switch d := x.DType(); {
	case d == tensor.Bool:
		for i, v := range tensor.Data[uint8](x) {
			out[i] = map[bool]string{true: "True", false: "False"}[v != 0]
		}
	case d.IsFloat():
		for i, v := range load[float64](x) {
			switch {
			case math.IsInf(v, 1):
				out[i] = "INF"
			case math.IsInf(v, -1):
				out[i] = "-INF"
			case v != v:
				out[i] = "NaN"
			default:
				out[i] = strconv.FormatFloat(v, 'g', -1, bits)
			}
		}
	case d == tensor.Uint64:
		for i, v := range tensor.Data[uint64](x) {
			out[i] = strconv.FormatUint(v, 10)
		}
	default:
		for i, v := range load[int64](x) {
			out[i] = strconv.FormatInt(v, 10)
		}
	}
	return tensor.Strings(out, x.Shape()...)
}

// bitCast is BitCast: the same bytes as another type of the same width.
func bitCast(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	to := tensor.DType(c.Node.Int("to", 0))
	if !to.Known() || to.Bits() != x.DType().Bits() || to.Bits() == 0 {
		fail("bits of %v as %v", x.DType(), to)
	}
	out := c.Alloc(to, x.Shape()...)
	if to.Bits() < 8 {
		copy(tensor.Data[uint8](out), tensor.Data[uint8](x))
	} else {
		copy(hostBytes(out), hostBytes(x))
	}
	return one(out)
}

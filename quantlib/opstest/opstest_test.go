package opstest_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/opstest"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// recorder is a testing.TB that notes what fails.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func f32s(v ...float32) *tensor.Tensor { return tensor.Of(v, len(v)) }

// double is a right operator: y = 2x.
func double(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	if len(in) != 1 || in[0] == nil || in[0].DType() != tensor.Float32 {
		return nil, errors.New("Double takes one float32 tensor")
	}
	y := c.Reuse(tensor.Float32, in[0].Shape(), in[0])
	for i, v := range in[0].F32() {
		y.F32()[i] = 2 * v
	}
	return []*tensor.Tensor{y}, nil
}

// checked is f for inputs that are one float32 tensor.
func checked(f func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor) ops.Forward {
	return func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		if len(in) != 1 || in[0] == nil || in[0].DType() != tensor.Float32 {
			return nil, errors.New("takes one float32 tensor")
		}
		return []*tensor.Tensor{f(c, in[0])}, nil
	}
}

var calls int

type cacheKey struct{ name string }

// broken are operators that should compute 2x, by what is wrong with them, and
// what Run must say.
var broken = []struct {
	name, say string
	f         ops.Forward
}{
	{"WrongValue", "element 1", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		y := x.Clone()
		for i := range y.F32() {
			y.F32()[i] *= 2.001
		}
		return y
	})},
	{"WrongShape", "want float32[3]", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		return tensor.New(tensor.Float32, x.Len(), 1)
	})},
	{"WrongType", "want float32", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		return tensor.New(tensor.Float64, x.Shape()...)
	})},
	{"ChangesInput", "changes input 0", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		for i := range x.F32() {
			x.F32()[i] *= 2
		}
		return x.Clone()
	})},
	{"LeavesGarbage", "garbage", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		y := c.Alloc(tensor.Float32, x.Shape()...)
		for i, v := range x.F32() {
			if v != 0 { // relies on zeros
				y.F32()[i] = 2 * v
			}
		}
		return y
	})},
	{"KeepsScratch", "other bits", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		s := c.Scratch(x.Len())
		for i, v := range x.F32() {
			s[i] = 2 * v
		}
		return tensor.Of(s, x.Shape()...)
	})},
	{"ReadsAfterWrite", "may be overwritten", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		y := c.Reuse(tensor.Float32, x.Shape(), x)
		clear(y.F32())
		for i, v := range x.F32() {
			y.F32()[i] = 2 * v
		}
		return y
	})},
	{"CountsCalls", "other bits", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		calls++
		y := x.Clone()
		for i := range y.F32() {
			y.F32()[i] = 2*y.F32()[i] + float32(calls)*1e-6
		}
		return y
	})},
	{"DependsOnOrder", "another order", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		y := tensor.New(tensor.Float32, x.Shape()...)
		last := 0
		if c.Threads() == 1 || x.Len() == 0 {
			copy(y.F32(), x.F32())
			for i := range y.F32() {
				y.F32()[i] *= 2
			}
			return y
		}
		for i := range y.F32() {
			y.F32()[i] = 2 * x.F32()[i]
		}
		y.F32()[0] += float32(last+c.Threads()) * 1e-7
		return y
	})},
	{"CachesByName", "constants", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		w := c.Cached(x, cacheKey{"doubled"}, func() any {
			y := x.Clone()
			for i := range y.F32() {
				y.F32()[i] *= 2
			}
			return y
		})
		return w.(*tensor.Tensor).Clone()
	})},
	{"PanicsWithoutInput", "panics", func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		return double(c, in[:1])
	}},
	{"PanicsOnOtherTypes", "panics", func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		if len(in) != 1 || in[0] == nil {
			return nil, errors.New("one input")
		}
		_ = in[0].F32()
		return double(c, in)
	}},
	{"PanicsOnEmpty", "panics", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		_ = x.F32()[0]
		y := x.Clone()
		for i := range y.F32() {
			y.F32()[i] *= 2
		}
		return y
	})},
	{"PanicsOnNaN", "panics", checked(func(c *ops.Call, x *tensor.Tensor) *tensor.Tensor {
		y := x.Clone()
		for i, v := range y.F32() {
			if v != v {
				panic("NaN")
			}
			y.F32()[i] *= 2
		}
		return y
	})},
	{"GivesNothing", "0 outputs", func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) { return nil, nil }},
	{"AcceptsAnything", "no error", func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		if len(in) != 1 || in[0] == nil || in[0].DType() != tensor.Float32 {
			return []*tensor.Tensor{f32s()}, nil
		}
		return double(c, in)
	}},
}

func init() {
	ops.Register("com.opstest", "Double", 1, double)
	for _, b := range broken {
		ops.Register("com.opstest", b.name, 1, b.f)
	}
}

// cases are of the operator 2x.
var cases = []opstest.Case{
	{Name: "numbers", In: []*tensor.Tensor{f32s(0, 1, -2.5)}, Out: []*tensor.Tensor{f32s(0, 2, -5)}, Abs: 1e-5},
	{Name: "others of that shape", In: []*tensor.Tensor{f32s(3, 0, 7)}, Out: []*tensor.Tensor{f32s(6, 0, 14)}, Abs: 1e-5},
	{Name: "NaN and infinity", In: []*tensor.Tensor{f32s(float32(math.NaN()), float32(math.Inf(1)))},
		Out: []*tensor.Tensor{f32s(float32(math.NaN()), float32(math.Inf(1)))}},
	{Name: "integers are refused", In: []*tensor.Tensor{tensor.Of([]int64{1}, 1)}, Fails: true},
}

func TestAGoodOperatorPasses(t *testing.T) { opstest.Run(t, "com.opstest", "Double", 1, cases...) }

func TestBrokenOperatorsFail(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			list := cases
			if b.name == "PanicsOnNaN" || b.name == "PanicsOnOtherTypes" {
				list = cases[:2] // Run itself must think of it
			}
			r := &recorder{TB: t}
			opstest.Run(r, "com.opstest", b.name, 1, list...)
			if all := strings.Join(r.failures, "\n"); !strings.Contains(all, b.say) {
				t.Errorf("want a failure that says %q, got:\n%s", b.say, all)
			}
		})
	}
}

func TestWhatCannotBeTestedFails(t *testing.T) {
	for name, run := range map[string]func(testing.TB){
		"an operator that is not registered": func(t testing.TB) { opstest.Run(t, "com.opstest", "Absent", 1, cases...) },
		"no case":                            func(t testing.TB) { opstest.Run(t, "com.opstest", "Double", 1) },
	} {
		r := &recorder{TB: t}
		if run(r); len(r.failures) == 0 {
			t.Errorf("%s: no failure", name)
		}
	}
}

// TestONNXOperators holds operators of this module to the suite, one of each kind.
func TestONNXOperators(t *testing.T) {
	x := tensor.Of([]float32{1, -2, 3, -4, 5, -6, 7, -8, 9}, 1, 1, 3, 3)
	for _, c := range []struct {
		op string
		opstest.Case
	}{
		{"Relu", opstest.Case{In: []*tensor.Tensor{f32s(-1, 2)}, Out: []*tensor.Tensor{f32s(0, 2)}}},
		{"Add", opstest.Case{In: []*tensor.Tensor{f32s(1, 2), f32s(3)}, Out: []*tensor.Tensor{f32s(4, 5)}}},
		{"Sigmoid", opstest.Case{In: []*tensor.Tensor{f32s(0)}, Out: []*tensor.Tensor{f32s(0.5)}, Abs: 1e-6}},
		{"Softmax", opstest.Case{In: []*tensor.Tensor{tensor.Of([]float32{0, 0}, 1, 2)}, Out: []*tensor.Tensor{tensor.Of([]float32{0.5, 0.5}, 1, 2)}, Abs: 1e-6}},
		{"MatMul", opstest.Case{In: []*tensor.Tensor{tensor.Of([]float32{1, 2}, 1, 2), tensor.Of([]float32{3, 4}, 2, 1)}, Out: []*tensor.Tensor{tensor.Of([]float32{11}, 1, 1)}}},
		{"Conv", opstest.Case{In: []*tensor.Tensor{x, tensor.Of([]float32{1, 0, 0, 1}, 1, 1, 2, 2), f32s(0.5)},
			Out: []*tensor.Tensor{tensor.Of([]float32{6.5, -7.5, -11.5, 14.5}, 1, 1, 2, 2)}}},
		{"MaxPool", opstest.Case{Attrs: []graph.Attr{graph.IntsAttr("kernel_shape", 3, 3)}, In: []*tensor.Tensor{x}, Out: []*tensor.Tensor{tensor.Of([]float32{9}, 1, 1, 1, 1)}}},
		{"Concat", opstest.Case{Attrs: []graph.Attr{graph.IntAttr("axis", 0)}, In: []*tensor.Tensor{f32s(1), f32s(2, 3)}, Out: []*tensor.Tensor{f32s(1, 2, 3)}}},
		{"Gather", opstest.Case{In: []*tensor.Tensor{f32s(5, 6, 7), tensor.Of([]int64{2, 0}, 2)}, Out: []*tensor.Tensor{f32s(7, 5)}}},
		{"Reshape", opstest.Case{In: []*tensor.Tensor{f32s(1, 2), tensor.Of([]int64{2, 1}, 2)}, Out: []*tensor.Tensor{tensor.Of([]float32{1, 2}, 2, 1)}}},
		{"ReduceMean", opstest.Case{In: []*tensor.Tensor{tensor.Of([]float32{1, 3}, 1, 2), tensor.Of([]int64{1}, 1)}, Out: []*tensor.Tensor{tensor.Of([]float32{2}, 1, 1)}}},
		{"QuantizeLinear", opstest.Case{In: []*tensor.Tensor{f32s(-1, 0.25, 9), tensor.Scalar(float32(0.5)), tensor.Scalar(uint8(1))}, Out: []*tensor.Tensor{tensor.Of([]uint8{0, 1, 19}, 3)}}},
		{"DequantizeLinear", opstest.Case{In: []*tensor.Tensor{tensor.Of([]int8{-1, 3}, 2), tensor.Scalar(float32(0.5))}, Out: []*tensor.Tensor{f32s(-0.5, 1.5)}}},
		{"Clip", opstest.Case{In: []*tensor.Tensor{f32s(-1, 9), tensor.Scalar(float32(0)), tensor.Scalar(float32(6))}, Out: []*tensor.Tensor{f32s(0, 6)}}},
		{"Transpose", opstest.Case{In: []*tensor.Tensor{tensor.Of([]float32{1, 2}, 1, 2)}, Out: []*tensor.Tensor{tensor.Of([]float32{1, 2}, 2, 1)}}},
	} {
		t.Run(c.op, func(t *testing.T) {
			c.Name = "small"
			opstest.Run(t, "", c.op, 21, c.Case)
		})
	}
}

package f32

import (
	"math"
	"testing"
)

// ulps is the distance of got from want in units of the last place of want,
// subnormal or not.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if float64(got) == want || got == w && math.IsInf(float64(w), 0) {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

var functions = []struct {
	name   string
	f      func(dst, x []float32)
	twin   func(dst, x []float32)
	exact  func(float64) float64
	lo, hi float64 // beyond which the result no longer changes
	ulps   float64 // as documented
}{
	{"exp", Exp, expGo, math.Exp, -105, 89.5, 1},
	{"sigmoid", Sigmoid, sigmoidGo, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -105, 30, 2.5},
	{"tanh", Tanh, tanhGo, math.Tanh, -12, 12, 2.5},
	{"erf", Erf, erfGo, math.Erf, -5, 5, 2},
}

func TestFunctionsWithinBound(t *testing.T) {
	r := rng(21)
	for _, f := range functions {
		x := make([]float32, 0, 1<<18)
		for range 1 << 17 {
			x = append(x, float32(f.lo+(f.hi-f.lo)*r.Float64()), math.Float32frombits(r.Uint32()))
		}
		y := make([]float32, len(x))
		f.f(y, x)
		var worst float64
		var at float32
		for i, v := range x {
			if v != v {
				if y[i] == y[i] {
					t.Fatalf("%s(NaN) is %v", f.name, y[i])
				}
				continue
			}
			if u := ulps(y[i], f.exact(float64(v))); u > worst {
				worst, at = u, v
			}
		}
		t.Logf("%s: at most %.2f ulp, at %v", f.name, worst, at)
		if worst > f.ulps {
			t.Errorf("%s: %.2f ulp at %v, more than %v", f.name, worst, at, f.ulps)
		}
		sub := x[:min(len(x), 20_001)]
		want := make([]float32, len(sub))
		f.twin(want, sub)
		sameBits(t, f.name, y[:len(sub)], want)
	}
}

func TestFunctionsAtSpecialValues(t *testing.T) {
	zero := float32(math.Copysign(0, -1))
	rows := []struct {
		name string
		f    func(dst, x []float32)
		x, y float32
	}{
		{"exp of zero", Exp, 0, 1},
		{"exp of -Inf", Exp, -inf, 0},
		{"exp of Inf", Exp, inf, inf},
		{"sigmoid of zero", Sigmoid, 0, 0.5},
		{"sigmoid of Inf", Sigmoid, inf, 1},
		{"sigmoid of -Inf", Sigmoid, -inf, 0},
		{"tanh keeps the sign of zero", Tanh, zero, zero},
		{"tanh of -Inf", Tanh, -inf, -1},
		{"erf keeps the sign of zero", Erf, zero, zero},
		{"erf of Inf", Erf, inf, 1},
	}
	for _, r := range rows {
		dst := []float32{9}
		r.f(dst, []float32{r.x})
		sameBits(t, r.name, dst, []float32{r.y})
	}
}

func TestSoftmax(t *testing.T) {
	r := rng(22)
	for _, n := range []int{1, 2, 7, 16, 33, 1000} {
		x := normal(r, n)
		for i := range x {
			x[i] *= 30
		}
		x[0] = -inf
		if n > 1 {
			x[1] = 80
		}
		var s float64
		m := float64(Max(x))
		for _, v := range x {
			s += math.Exp(float64(v) - m)
		}
		p, l := make([]float32, n), make([]float32, n)
		Softmax(p, x)
		LogSoftmax(l, x)
		if n == 1 {
			if p[0] == p[0] || l[0] == l[0] {
				t.Errorf("softmax of -Inf alone: %v, %v", p[0], l[0])
			}
			continue
		}
		for i, v := range x {
			want := math.Exp(float64(v)-m) / s
			if d := math.Abs(float64(p[i]) - want); d > (math.Abs(float64(v)-m)+8)*0x1p-24*want+0x1p-149 {
				t.Errorf("%d elements: softmax %d is %v, want %v", n, i, p[i], want)
			}
			if wl := float64(v) - m - math.Log(s); math.Abs(float64(l[i])-wl) > 1e-6*math.Abs(wl) {
				t.Errorf("%d elements: log softmax %d is %v, want %v", n, i, l[i], wl)
			}
		}
	}
}

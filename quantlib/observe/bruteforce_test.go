package observe

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// distributions are the shapes that weights and activations have.
var distributions = []struct {
	name string
	draw func(r *rand.Rand) float64
}{
	{"Gaussian", func(r *rand.Rand) float64 { return r.NormFloat64() }},
	{"Laplace", func(r *rand.Rand) float64 { return r.ExpFloat64() * sign(r) }},
	{"half-normal", func(r *rand.Rand) float64 { return max(0, r.NormFloat64()) }},
	{"uniform", func(r *rand.Rand) float64 { return 2*r.Float64() - 1 }},
	{"outliers", func(r *rand.Rand) float64 { // Student's t with 3 degrees of freedom, and one in 10^4 a hundred times as far
		v := r.NormFloat64() / math.Sqrt((math.Pow(r.NormFloat64(), 2)+math.Pow(r.NormFloat64(), 2)+math.Pow(r.NormFloat64(), 2))/3)
		if r.Float64() < 1e-4 {
			v *= 100
		}
		return v
	}},
	{"bimodal", func(r *rand.Rand) float64 {
		if r.Float64() < 0.3 {
			return -2 + 0.3*r.NormFloat64()
		}
		return 1 + 0.5*r.NormFloat64()
	}},
}

func sign(r *rand.Rand) float64 { return float64(r.IntN(2)*2 - 1) }

func draw(n int, seed uint64, f func(r *rand.Rand) float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 9))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(f(r))
	}
	return x
}

// measured is the squared error of the real quantizer on the raw values.
func measured(x, q []float32, lo, hi float32, s quant.Scheme) float64 {
	scale, zero := quant.ParamsFromRange(lo, hi, s)
	quant.FakeQuantize(q, x, scale, zero, s)
	return quant.Compare(x, q).Noise
}

// foremost is x with the block of greatest magnitudes at the front, where clipping
// shows first; the rest stays in its order.
func foremost(x []float32) []float32 {
	magnitude := func(v float32) float64 { return math.Abs(float64(v)) }
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(magnitude(x[b]), magnitude(x[a])) })
	slices.Sort(order[block:])
	y := make([]float32, len(x))
	for i, k := range order {
		y[i] = x[k]
	}
	return y
}

const block = 2048

// exceeds is the squared error of the real quantizer on the raw values, like
// measured, but it stops where the sum is beyond limit: a sum of squares only
// grows.
func exceeds(x, q []float32, lo, hi float32, s quant.Scheme, limit float64) (sum float64, over bool) {
	scale, zero := quant.ParamsFromRange(lo, hi, s)
	for ; len(x) > 0; x = x[min(block, len(x)):] {
		part := x[:min(block, len(x))]
		image := q[:len(part)]
		quant.FakeQuantize(image, part, scale, zero, s)
		var a, b, c, d float64
		for len(part) >= 4 && len(image) >= 4 {
			e, f := float64(image[0])-float64(part[0]), float64(image[1])-float64(part[1])
			g, h := float64(image[2])-float64(part[2]), float64(image[3])-float64(part[3])
			a, b, c, d = a+e*e, b+f*f, c+g*g, d+h*h
			part, image = part[4:], image[4:]
		}
		for i, v := range part {
			e := float64(image[i]) - float64(v)
			a += e * e
		}
		if sum += (a + b) + (c + d); sum > limit {
			return sum, true
		}
	}
	return sum, false
}

// bruteForce is the least error that a search over the raw values finds: a
// linear and a geometric grid of clips, or of pairs of clips where the range
// has two free ends, then smaller and smaller steps around the best. front is
// foremost of x.
func bruteForce(x, front, q []float32, s quant.Scheme) float64 {
	least, greatest := 0.0, 0.0
	for _, v := range x {
		least, greatest = min(least, float64(v)), max(greatest, float64(v))
	}
	type point struct{ lo, hi, err float64 }
	best := point{err: math.Inf(1)}
	try := func(lo, hi float64) bool {
		e, over := exceeds(front, q, float32(lo), float32(hi), s, best.err)
		if !over && e < best.err {
			best = point{lo, hi, e}
			return true
		}
		return false
	}
	if s.Asymmetric && least < 0 && greatest > 0 {
		for i := range 13 {
			for j := range 13 {
				try(least*math.Exp2(-float64(i)/2), greatest*math.Exp2(-float64(j)/2))
			}
		}
		for step := 0.15; step > 0.002; {
			at := best
			better := false
			for _, d := range [][2]float64{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}} {
				better = try(at.lo*math.Exp2(d[0]*step), at.hi*math.Exp2(d[1]*step)) || better
			}
			if !better {
				step /= 2
			}
		}
		return measured(x, q, float32(best.lo), float32(best.hi), s)
	}
	most := max(-least, greatest)
	if s.Unsigned {
		most = greatest
	}
	one := func(clip float64) bool {
		if s.Asymmetric {
			return try(max(least, -clip), min(greatest, clip))
		}
		return try(-clip, clip)
	}
	for i := 1; i <= 100; i++ {
		one(most * float64(i) / 100)
	}
	for i := range 64 {
		one(most * math.Exp2(-float64(i)/8))
	}
	for step := 0.04; step > 0.0005; {
		at := max(-best.lo, best.hi)
		up, down := one(at*(1+step)), one(at*(1-step))
		if !up && !down {
			step /= 2
		}
	}
	return measured(x, q, float32(best.lo), float32(best.hi), s)
}

// TestBruteForce holds the range that MSE chooses to within 1 % of the squared
// error of the best range that a search over the raw values finds, for every
// width, for symmetric and asymmetric schemes, and for the bins of tensors and
// the wider ones of channels. Run it with -v for the table in README.md.
func TestBruteForce(t *testing.T) {
	const limit = 1.01
	const n = 1 << 17 // the error of the least loss among near-equal ones is then below 0.5 %
	widths := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	if testing.Short() {
		widths = []int{1, 2, 4, 8, 16}
	}
	table := make([][]string, len(widths))
	for i := range table {
		table[i] = make([]string, len(distributions))
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, 2)
	for k, d := range distributions {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			x := draw(n, uint64(k), d.draw)
			q, front := make([]float32, n), foremost(x)
			tensor, channel := NewCollector(), NewChannels(1)
			tensor.Observe(x)
			channel.ObserveBatch(0, x, n)
			for i, b := range widths {
				var cellText []string
				for _, s := range []quant.Scheme{quant.Int(b), quant.Uint(b)} {
					best := bruteForce(x, front, q, s)
					for _, c := range []*Collector{tensor, channel[0]} {
						lo, hi, err := MSE{}.Range(c, s)
						if err != nil {
							t.Error(err)
							continue
						}
						ratio := measured(x, q, lo, hi, s) / best
						cellText = append(cellText, fmt.Sprintf("%+.2f", 100*(ratio-1)))
						if !(ratio <= limit) {
							scale, zero := quant.ParamsFromRange(lo, hi, s)
							t.Errorf("%s, %v, %d bins: %.4f times the least error; range %v..%v, scale %v, zero %d", d.name, s, 1<<c.fine, ratio, lo, hi, scale, zero)
						}
					}
				}
				table[i][k] = strings.Join(cellText, " ")
			}
		})
	}
	wait.Wait()
	var out strings.Builder
	out.WriteString("| bits |")
	for _, d := range distributions {
		out.WriteString(" " + d.name + " |")
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(distributions)) + "\n")
	for i, b := range widths {
		fmt.Fprintf(&out, "| %d | %s |\n", b, strings.Join(table[i], " | "))
	}
	t.Logf("excess of the squared error over brute force, %%: symmetric per tensor, per channel; asymmetric per tensor, per channel\n%s", out.String())
}

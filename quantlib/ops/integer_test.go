package ops

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// wholes is n integers of lo..hi.
func wholes(r *rand.Rand, n int, lo, hi int64) []int64 {
	x := make([]int64, n)
	for i := range x {
		x[i] = lo + r.Int64N(hi-lo+1)
	}
	return x
}

func TestIntegerProductsByFloat32AreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	c := &Call{Ctx: context.Background()}
	for _, s := range []struct {
		m, n, k int
		most    int64
	}{{3, 5, 700, 255}, {17, 33, 258, 255}, {40, 20, 259, 255}, {8, 8, 64, 4000}, {8, 8, 64, 1 << 20}, {2, 3, 4, 255}, {5, 1, 1000, 127}, {1, 40, 600, 255}} {
		// The largest sums of one sign, and sums of both.
		for _, lo := range []int64{s.most, -s.most} {
			a, b := wholes(r, 2*s.m*s.k, lo, s.most), wholes(r, s.k*s.n, lo, s.most)
			places := [][2]int{{0, 0}, {s.m * s.k, 0}}
			got, want := wholes(r, 2*s.m*s.n, 0, 9), make([]int64, 2*s.m*s.n)
			batchProduct(want, a, b, places, s.m, s.n, s.k)
			integerProduct(c, got, a, b, places, s.m, s.n, s.k)
			if !slices.Equal(got, want) {
				t.Errorf("%+v from %d on: the sums differ", s, lo)
			}
		}
	}
}

func TestIntegerConvolutionsByFloat32AreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for _, s := range []struct {
		x, w   []int
		groups int
		attrs  []graph.Attr
	}{
		{[]int{2, 64, 9, 7}, []int{5, 64, 3, 3}, 1, []graph.Attr{graph.IntsAttr("pads", 1, 0, 1, 2)}},
		{[]int{1, 40, 12, 12}, []int{8, 10, 5, 5}, 4, []graph.Attr{graph.IntsAttr("strides", 2, 1)}},
		{[]int{1, 6, 12, 12}, []int{6, 1, 3, 3}, 6, []graph.Attr{graph.IntsAttr("dilations", 2, 2)}},
		{[]int{2, 300, 20}, []int{4, 300, 3}, 1, nil},
		{[]int{1, 2, 40, 40}, []int{2, 2, 30, 30}, 1, nil}, // more taps than are exact
		{[]int{1, 3, 5, 5, 5}, []int{2, 3, 2, 2, 2}, 1, nil},
	} {
		n := &graph.Node{Op: "ConvInteger", Attrs: append(s.attrs, graph.IntAttr("group", int64(s.groups)))}
		c := &Call{Node: n, Opset: 13, Ctx: context.Background()}
		for _, lo := range []int64{255, -255} {
			x, w := wholes(r, product(s.x), lo, 255), wholes(r, product(s.w), lo, 255)
			_, win := convShape(c, tensor.New(tensor.Int8, s.x...), tensor.New(tensor.Int8, s.w...))
			size := s.x[0] * s.w[0] * product(win.out)
			got, want := wholes(r, size, 0, 9), make([]int64, size)
			plainConv(c, want, x, w, s.x[0], s.x[1], s.w[0], s.groups, &win)
			if !integerConv(c, got, x, w, s.x[0], s.x[1], s.w[0], s.groups, &win) {
				plainConv(c, got, x, w, s.x[0], s.x[1], s.w[0], s.groups, &win)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v by %v in %d groups from %d on: the sums differ", s.x, s.w, s.groups, lo)
			}
		}
	}
}

func BenchmarkIntegerConv(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 9))
	c := &Call{Node: &graph.Node{Op: "ConvInteger", Attrs: []graph.Attr{graph.IntsAttr("pads", 1, 1, 1, 1)}}, Opset: 13, Ctx: context.Background()}
	x, w := wholes(r, 64*28*28, -128, 127), wholes(r, 64*64*9, -128, 127)
	_, win := convShape(c, tensor.New(tensor.Int8, 1, 64, 28, 28), tensor.New(tensor.Int8, 64, 64, 3, 3))
	sums := make([]int64, 64*28*28)
	b.Run("float32", func(b *testing.B) {
		for b.Loop() {
			integerConv(c, sums, x, w, 1, 64, 64, 1, &win)
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			plainConv(c, sums, x, w, 1, 64, 64, 1, &win)
		}
	})
}

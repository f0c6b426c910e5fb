package ops

import "github.com/quantnb/quantnb/quantlib/ops/internal/f32"

// exactSum is the magnitude up to which float32 holds every integer.
const exactSum = 1 << 24

// exactDepth is how many products of elements of x and y float32 adds without
// rounding, in any order: each partial sum is an integer of at most exactSum.
// It is 258 for codes of 8 bits with any zero point; 0 where one product is too
// large.
func exactDepth(x, y []int64) int {
	largest := func(v []int64) int64 {
		m := int64(1)
		for _, a := range v {
			m = max(m, a, -a)
		}
		return m
	}
	a, b := largest(x), largest(y)
	if a > exactSum || b > exactSum {
		return 0
	}
	return int(exactSum / (a * b))
}

func float32s(x []int64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func addWhole(dst []int64, src []float32) {
	for i, v := range src {
		dst[i] += int64(v)
	}
}

// integerProduct is batchProduct in integers, by float32 products of as many
// terms as are exact.
func integerProduct(c *Call, dst, a, b []int64, places [][2]int, m, n, k int) {
	depth := exactDepth(a, b)
	if depth < min(k, 32) || m*n*k < 1<<10 {
		batchProduct(dst, a, b, places, m, n, k)
		return
	}
	left, right := float32s(a), float32s(b)
	clear(dst)
	part := make([]float32, m*n)
	scratch := c.Scratch(f32.ScratchLen)
	for i, p := range places {
		for k0 := 0; k0 < k; k0 += depth {
			g := f32.Gemm{M: m, N: n, K: min(depth, k-k0), A: operand(left[p[0]+k0:], k, m, false), B: operand(right[p[1]+k0*n:], n, k, false)}
			c.product(&g, part, n, scratch)
			addWhole(dst[i*m*n:][:m*n], part)
		}
	}
}

// integerConv is plainConv in integers, by float32 convolutions of as many
// input channels as are exact. It reports whether it has done it.
func integerConv(c *Call, dst, x, w []int64, n, channels, filters, groups int, win *window) bool {
	taps, plane, area := product(win.kernel), product(win.in), product(win.out)
	if len(win.in) > 2 || area == 0 || len(dst) == 0 {
		return false
	}
	inGroup, each := channels/groups, filters/groups
	step := min(exactDepth(x, w)/max(1, taps), inGroup)
	if step < 1 {
		return false
	}
	src, weights := float32s(x), float32s(w)
	clear(dst)
	part, block := make([]float32, each*area), make([]float32, each*step*taps)
	geometry := win.conv(step, each, 1)
	scratch := c.Scratch(geometry.ScratchLen())
	for g := range groups {
		for c0 := 0; c0 < inGroup; c0 += step {
			cn := min(step, inGroup-c0)
			for f := range each {
				copy(block[f*cn*taps:][:cn*taps], weights[((g*each+f)*inGroup+c0)*taps:])
			}
			geometry.Channels = cn
			filter := f32.PackFilter(block[:each*cn*taps], each, cn, geometry.KernelH, geometry.KernelW, 1)
			for i := range n {
				from := (i*channels + g*inGroup + c0) * plane
				f32.Conv2D(part, src[from:from+cn*plane], filter, geometry, nil, nil, scratch)
				addWhole(dst[(i*filters+g*each)*area:][:each*area], part)
				c.stop()
			}
		}
	}
	return true
}

// conv is the geometry of a convolution of one or two dimensions.
func (w *window) conv(channels, filters, groups int) f32.Conv {
	at := func(s []int, i, def int) int { // dimension i of height, width
		if i += len(s) - 2; i < 0 {
			return def
		}
		return s[i]
	}
	return f32.Conv{
		Channels: channels, Height: at(w.in, 0, 1), Width: at(w.in, 1, 1), Filters: filters,
		KernelH: at(w.kernel, 0, 1), KernelW: at(w.kernel, 1, 1), StrideH: at(w.stride, 0, 1), StrideW: at(w.stride, 1, 1),
		DilationH: at(w.dilation, 0, 1), DilationW: at(w.dilation, 1, 1), PadTop: at(w.before, 0, 0), PadLeft: at(w.before, 1, 0),
		PadBottom: at(w.after, 0, 0), PadRight: at(w.after, 1, 0), Groups: groups,
	}
}

package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	registerVJP("MaxPool", maxPoolVJP)
	registerVJP("AveragePool", averagePoolVJP)
	registerVJP("GlobalAveragePool", func(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		if !need[0] {
			return []*tensor.Tensor{nil}
		}
		x := in[0]
		plane := product(x.Shape()[2:])
		dx := c.cotangent(g.Dim(0), x)
		for i, v := range g.F32() {
			fill(dx.F32()[i*plane:(i+1)*plane], v/float32(plane))
		}
		return one(dx)
	})
	registerVJP("GlobalMaxPool", func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		if !need[0] {
			return []*tensor.Tensor{nil}
		}
		x := in[0]
		plane, n := product(x.Shape()[2:]), out[0].Len()
		dx := c.cotangent(g.Dim(0), x)
		clear(dx.F32())
		for i := range n {
			row := x.F32()[i*plane : (i+1)*plane]
			at := 0
			for at < plane-1 && row[at] != out[0].F32()[i] {
				at++
			}
			for p := range g.Dim(0) {
				dx.F32()[(p*n+i)*plane+at] = g.F32()[p*n+i]
			}
		}
		return one(dx)
	})
	registerVJP("ReduceMean", reduceVJP)
	registerVJP("ReduceSum", reduceVJP)
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// maxPoolVJP gives g to the first greatest element of each window.
func maxPoolVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	if !need[0] {
		return []*tensor.Tensor{nil}
	}
	x := in[0]
	w, _ := poolWindow(c, x)
	src, y := x.F32(), out[0].F32()
	area, plane, width := product(w.out), product(w.in), w.out[len(w.out)-1]
	places := make([]int32, len(y))
	for i := range places {
		places[i] = -1
	}
	s := w.stride[len(w.stride)-1]
	planes := x.Dim(0) * x.Dim(1)
	w.columnRuns(0, area/width, func(_, line, lo, hi, at int) {
		for p := range planes {
			row, from := p*area+line*width, src[p*plane:]
			i := at
			for j := lo; j < hi; j++ {
				if o := row + j; places[o] < 0 && from[i] == y[o] {
					places[o] = int32(i)
				}
				i += s
			}
		}
	})
	dx := c.cotangent(g.Dim(0), x)
	dst := dx.F32()
	clear(dst)
	for k := range g.Dim(0) {
		gk := g.F32()[k*len(y):][:len(y)]
		for p := range planes {
			to := dst[(k*planes+p)*plane:][:plane]
			for i, at := range places[p*area : (p+1)*area] {
				if at >= 0 {
					to[at] += gk[p*area+i]
				}
			}
		}
	}
	return one(dx)
}

// averagePoolVJP gives each element of a window its share of g.
func averagePoolVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	if !need[0] {
		return []*tensor.Tensor{nil}
	}
	x := in[0]
	w, shape := poolWindow(c, x)
	area, plane, width := product(w.out), product(w.in), w.out[len(w.out)-1]
	share := make([]float32, area)
	// What the operator makes of a plane of ones without padding is 1, with
	// padding that counts it is the part inside: both over the number inside.
	inside := make([]float32, area)
	w.columnRuns(0, area/width, func(_, line, lo, hi, _ int) {
		for j := lo; j < hi; j++ {
			inside[line*width+j]++
		}
	})
	ones := tensor.New(tensor.Float32, append([]int{1, 1}, w.in...)...)
	fill(ones.F32(), 1)
	call := *c
	call.Host, call.Epilogue = nil, Epilogue{}
	mean := averagePool(&call, one(ones))[0].F32()
	for i := range share {
		if inside[i] > 0 {
			share[i] = mean[i] / inside[i]
		}
	}
	n := product(shape)
	weights := c.Scratch(n)
	for i := 0; i < n; i += area {
		copy(weights[i:], share)
	}
	cols := c.times(g, weights).F32()
	dx := c.cotangent(g.Dim(0), x)
	dst := dx.F32()
	clear(dst)
	s := w.stride[len(w.stride)-1]
	planes := len(dst) / max(1, plane)
	w.columnRuns(0, area/width, func(_, line, lo, hi, at int) {
		for p := range planes {
			to, from := dst[p*plane:], cols[p*area+line*width:]
			i := at
			for j := lo; j < hi; j++ {
				to[i] += from[j]
				i += s
			}
		}
	})
	return one(dx)
}

// reduceVJP is that of ReduceMean and ReduceSum: every element that was folded
// gets g, for the mean divided by their number.
func reduceVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	res := make([]*tensor.Tensor, len(in))
	if !need[0] {
		return res
	}
	x := in[0]
	kept := append([]int(nil), x.Shape()...)
	for _, a := range reduceAxes(c, in) {
		kept[a] = 1
	}
	k := g.Dim(0)
	res[0] = c.cotangent(k, x)
	copyTo := stretch(c, g.Reshape(probes(k, kept)...), probes(k, x.Shape())).F32()
	n := float32(1)
	if c.Node.Op == "ReduceMean" {
		n = float32(x.Len() / max(1, out[0].Len()))
	}
	f32.ScaleBias(res[0].F32(), copyTo, 1/n, 0)
	return res
}

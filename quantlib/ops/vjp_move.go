package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	for _, name := range []string{"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"} {
		registerVJP(name, func(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
			res := make([]*tensor.Tensor, len(in))
			if need[0] {
				res[0] = g.Reshape(probes(g.Dim(0), in[0].Shape())...)
			}
			return res
		})
	}
	for _, name := range []string{"Expand", "Tile", "Slice", "Pad", "Split", "DepthToSpace", "SpaceToDepth", "GatherElements",
		"GatherND", "Compress", "ReverseSequence", "CenterCropPad", "Trilu"} {
		registerPulls(name, func(c *Call, in, out, g []*tensor.Tensor, need []bool) []*tensor.Tensor {
			return moved(c, in, g, need)
		})
	}
	for _, name := range []string{"Resize", "Upsample"} {
		registerPulls(name, func(c *Call, in, _, g []*tensor.Tensor, need []bool) []*tensor.Tensor {
			if c.Node.Text("mode", "nearest") != "nearest" || c.Node.Text("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
				unsupported("the derivative of %s that interpolates or extrapolates", c.Node.Op)
			}
			return moved(c, in, g, need)
		})
	}
	registerPulls("Concat", func(c *Call, in, out, g []*tensor.Tensor, need []bool) []*tensor.Tensor {
		return concatVJP(c, in, g[0], need)
	})
	registerVJP("Transpose", transposeVJP)
	registerVJP("Gather", gatherVJP)
	registerVJP("Cast", func(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		if !need[0] {
			return []*tensor.Tensor{nil}
		}
		return one(g) // from float32 to float32: other types are refused
	})
}

// moved is the product of an operator whose outputs hold elements of its first
// data inputs and zeros, without arithmetic: the operator itself, run on the
// places of the elements, says where each came from. Elements that were copied
// more than once add up in the order of the output.
func moved(c *Call, in, g []*tensor.Tensor, need []bool) []*tensor.Tensor {
	res := make([]*tensor.Tensor, len(in))
	if !need[0] {
		return res
	}
	x := in[0]
	places := tensor.New(tensor.Int32, x.Shape()...)
	for i := range tensor.Data[int32](places) {
		tensor.Data[int32](places)[i] = int32(i) + 1 // 0 is what is filled in
	}
	args := append([]*tensor.Tensor{places}, in[1:]...)
	call := *c
	if c.Node.Op == "Pad" {
		n := *c.Node
		n.Attrs = nil
		for _, a := range c.Node.Attrs {
			if a.Name != "value" {
				n.Attrs = append(n.Attrs, a)
			}
		}
		call.Node = &n
		if len(args) > 2 {
			args[2] = nil
		}
	}
	op, err := Find(c.Node.Domain, c.Node.Op, c.Opset)
	if err != nil {
		fail("%v", err)
	}
	from, err := op.Forward(&call, args)
	if err != nil {
		fail("%v", err)
	}
	k := 0
	for _, t := range g {
		if t != nil {
			k = t.Dim(0)
		}
	}
	res[0] = c.cotangent(k, x)
	dst := res[0].F32()
	clear(dst)
	for i, t := range g {
		if t == nil {
			continue
		}
		at := tensor.Data[int32](from[i])
		for p := range k {
			to, src := dst[p*x.Len():(p+1)*x.Len()], t.F32()[p*len(at):]
			for e, a := range at {
				if a > 0 {
					to[a-1] += src[e]
				}
			}
		}
	}
	return res
}

// concatVJP cuts g into the parts that were joined.
func concatVJP(c *Call, in []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	res := make([]*tensor.Tensor, len(in))
	at := axis(c.Node.Int("axis", 1), in[0].Rank())
	step := strides(g.Shape())
	offset := 0
	for j, t := range in {
		if need[j] {
			res[j] = viewCopy(c, g, probes(g.Dim(0), t.Shape()), offset*step[at+1], step)
		}
		offset += t.Dim(at)
	}
	return res
}

func transposeVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	if !need[0] {
		return []*tensor.Tensor{nil}
	}
	n := in[0].Rank()
	back := make([]int, n+1)
	for i := range n {
		p := n - 1 - i
		if list := c.Node.Ints("perm"); list != nil {
			p = axis(list[i], n)
		}
		back[p+1] = i + 1
	}
	return one(transposed(c, g, back))
}

// gatherVJP adds each slice of g to the place it was taken from, in order.
func gatherVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	res := make([]*tensor.Tensor, len(in))
	if !need[0] {
		return res
	}
	x := in[0]
	at := axis(c.Node.Int("axis", 0), x.Rank())
	n, run, outer := x.Dim(at), product(x.Shape()[at+1:]), product(x.Shape()[:at])
	indices := integers(in[1])
	res[0] = c.cotangent(g.Dim(0), x)
	dst, src := res[0].F32(), g.F32()
	clear(dst)
	from := 0
	for o := range g.Dim(0) * outer {
		for _, v := range indices {
			row := dst[(o*n+index(v, n))*run:][:run]
			f32.Add(row, row, src[from:from+run])
			from += run
		}
	}
	return res
}

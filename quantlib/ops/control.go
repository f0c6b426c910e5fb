package ops

import "github.com/quantnb/quantnb/quantlib/tensor"

func init() {
	register("If", 1, 1, ifOp)
	register("Loop", 1, 0, loop)
	register("Scan", 9, 1, scan)
	register("Scan", 8, 0, scan8)
}

// ifOp is If: runs then_branch or else_branch.
func ifOp(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	name := "else_branch"
	if integer(in[0], 0) != 0 {
		name = "then_branch"
	}
	g := c.Node.Graph(name)
	if g == nil {
		fail("no %s", name)
	}
	return c.subgraph(name, nil)
}

// subgraph runs the graph of an attribute.
func (c *Call) subgraph(name string, in []*tensor.Tensor) []*tensor.Tensor {
	g := c.Node.Graph(name)
	if g == nil {
		fail("no %s", name)
	}
	if len(g.DeclaredInputs()) != len(in) {
		fail("%s takes %d inputs, not %d", name, len(g.DeclaredInputs()), len(in))
	}
	out, err := c.RunGraph(g, in)
	if err != nil {
		panic(failure{err})
	}
	return out
}

// loop is Loop: runs body while the condition holds, at most M times. The body
// takes the iteration, the condition and the carried values, and gives the
// condition, the carried values, and values that are stacked.
func loop(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	most := int64(1)<<62 - 1
	if t := In(in, 0); t != nil {
		most = integer(t, 0)
	}
	keep := In(in, 1) == nil || integer(in[1], 0) != 0
	body := c.Node.Graph("body")
	if body == nil {
		fail("no body")
	}
	var carried []*tensor.Tensor
	if len(in) > 2 {
		carried = append(carried, in[2:]...)
	}
	n := len(carried)
	stacks := make([][]*tensor.Tensor, max(0, len(body.Outputs())-1-n))
	for i := int64(0); i < most && keep; i++ {
		if err := c.Ctx.Err(); err != nil {
			panic(failure{err})
		}
		args := append([]*tensor.Tensor{tensor.Scalar(i), boolScalar(keep)}, carried...)
		out := c.subgraph("body", args)
		if len(out) != 1+n+len(stacks) {
			fail("the body gave %d values, not %d", len(out), 1+n+len(stacks))
		}
		keep = integer(out[0], 0) != 0
		carried = append(carried[:0:0], out[1:1+n]...)
		for k := range stacks {
			stacks[k] = append(stacks[k], out[1+n+k])
		}
	}
	out := carried
	for k, list := range stacks {
		if len(list) == 0 {
			v := body.Outputs()[1+n+k]
			shape := []int{0}
			for _, d := range v.Dims {
				shape = append(shape, max(d.Size, 0))
			}
			dt := v.DType
			if dt == tensor.Undefined {
				dt = tensor.Float32
			}
			out = append(out, tensor.New(dt, shape...))
			continue
		}
		out = append(out, stack(list, 0))
	}
	return out
}

func boolScalar(v bool) *tensor.Tensor {
	t := tensor.New(tensor.Bool)
	if v {
		tensor.Data[uint8](t)[0] = 1
	}
	return t
}

// stack joins tensors of one shape along a new axis.
func stack(list []*tensor.Tensor, at int) *tensor.Tensor {
	first := list[0]
	if at < 0 || at > first.Rank() {
		fail("axis %d of rank %d", at, first.Rank()+1)
	}
	shape := append([]int(nil), first.Shape()[:at]...)
	shape = append(append(shape, len(list)), first.Shape()[at:]...)
	out := tensor.New(first.DType(), shape...)
	var d cells
	if first.DType().Bits() < 8 && first.DType() != tensor.String {
		unsupported("stacking of %v", first.DType())
	}
	d = cellsOf(out)
	run := product(first.Shape()[at:])
	for k, t := range list {
		if t == nil || t.DType() != first.DType() || !tensor.SameShape(t.Shape(), first.Shape()) {
			fail("step %d gave a value unlike %v %v", k, first.DType(), first.Shape())
		}
		src := cellsOf(t)
		for o := range product(first.Shape()[:at]) {
			d.copy((o*len(list)+k)*run, src, o*run, run)
		}
	}
	return out
}

// slot is place i along an axis, without that axis.
func slot(t *tensor.Tensor, at, i int) *tensor.Tensor {
	step := strides(t.Shape())
	shape := append([]int(nil), t.Shape()[:at]...)
	shape = append(shape, t.Shape()[at+1:]...)
	steps := append([]int(nil), step[:at]...)
	steps = append(steps, step[at+1:]...)
	return viewCopy(&Call{}, t, shape, i*step[at], steps)
}

// scan is Scan from opset 9: runs body over the scan inputs' slices, carrying
// state, and stacks what it gives.
func scan(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	m := int(c.Node.Int("num_scan_inputs", 0))
	n := len(in) - m
	if m < 1 || n < 0 {
		fail("%d scan inputs of %d inputs", m, len(in))
	}
	per := func(name string, i int) int64 {
		if list := c.Node.Ints(name); i < len(list) {
			return list[i]
		}
		return 0
	}
	at := make([]int, m)
	length := -1
	for i := range m {
		at[i] = axis(per("scan_input_axes", i), in[n+i].Rank())
		if d := in[n+i].Dim(at[i]); length >= 0 && d != length {
			fail("scan inputs of %d and %d steps", length, d)
		} else {
			length = d
		}
	}
	if length == 0 {
		unsupported("Scan over no steps")
	}
	state := append([]*tensor.Tensor(nil), in[:n]...)
	var stacks [][]*tensor.Tensor
	for t := range length {
		if err := c.Ctx.Err(); err != nil {
			panic(failure{err})
		}
		args := append([]*tensor.Tensor(nil), state...)
		for i := range m {
			k := t
			if per("scan_input_directions", i) != 0 {
				k = length - 1 - t
			}
			args = append(args, slot(in[n+i], at[i], k))
		}
		out := c.subgraph("body", args)
		if stacks == nil {
			stacks = make([][]*tensor.Tensor, max(0, len(out)-n))
		}
		copy(state, out[:n])
		for k := range stacks {
			stacks[k] = append(stacks[k], out[n+k])
		}
	}
	for k, list := range stacks {
		if per("scan_output_directions", k) != 0 {
			for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
				list[i], list[j] = list[j], list[i]
			}
		}
		state = append(state, stack(list, axis(per("scan_output_axes", k), list[0].Rank()+1)))
	}
	return state
}

// scan8 is Scan at opset 8, which has a batch axis in front and the lengths of
// sequences as its first input.
func scan8(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	m := int(c.Node.Int("num_scan_inputs", 0))
	lens, rest := integers(In(in, 0)), in[1:]
	n := len(rest) - m
	if m < 1 || n < 0 {
		fail("%d scan inputs of %d inputs", m, len(rest))
	}
	batch, length := rest[n].Dim(0), rest[n].Dim(1)
	var out [][]*tensor.Tensor
	for b := range batch {
		steps := length
		if lens != nil {
			steps = int(lens[b])
		}
		if steps != length || steps == 0 {
			unsupported("Scan at opset 8 with sequences of unequal length")
		}
		var state []*tensor.Tensor
		for _, t := range rest[:n] {
			state = append(state, slot(t, 0, b))
		}
		var stacks [][]*tensor.Tensor
		for t := range steps {
			args := append([]*tensor.Tensor(nil), state...)
			for i := range m {
				k := t
				if d := c.Node.Ints("directions"); i < len(d) && d[i] != 0 {
					k = steps - 1 - t
				}
				args = append(args, slot(slot(rest[n+i], 0, b), 0, k))
			}
			res := c.subgraph("body", args)
			if stacks == nil {
				stacks = make([][]*tensor.Tensor, max(0, len(res)-n))
			}
			copy(state, res[:n])
			for k := range stacks {
				stacks[k] = append(stacks[k], res[n+k])
			}
		}
		for _, list := range stacks {
			state = append(state, stack(list, 0))
		}
		if out == nil {
			out = make([][]*tensor.Tensor, len(state))
		}
		for k, t := range state {
			out[k] = append(out[k], t)
		}
	}
	var joined []*tensor.Tensor
	for _, list := range out {
		joined = append(joined, stack(list, 0))
	}
	return joined
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// step is what one step of a session costs on one thread.
type step struct {
	value   string // that it makes
	nodes   []*graph.Node
	shape   []int
	seconds float64 // the least of some runs, which other processes disturb least
	flop    float64
}

// watcher runs a network and shows its values as they are made.
type watcher func(context.Context, exec.Values, exec.Tap) error

// steps runs the network some times and returns its steps in order, and the least
// time of all together. The first run, which packs weights, does not count.
func steps(ctx context.Context, o *opened, watch watcher, runs int) ([]step, float64, error) {
	work, err := flops(ctx, o.session, o.in)
	if err != nil {
		return nil, 0, err
	}
	var list []step
	for run := range runs + 1 {
		i, last := 0, time.Now()
		err := watch(ctx, o.in, func(name string, t *tensor.Tensor) {
			took := time.Since(last).Seconds()
			if run == 0 {
				list = append(list, step{value: name, shape: slices.Clone(t.Shape())})
			}
			if s := &list[i]; run == 1 || took < s.seconds {
				s.seconds = took
			}
			i++
			last = time.Now()
		})
		if err != nil {
			return nil, 0, err
		}
	}
	seen := map[string]bool{}
	for _, s := range list {
		seen[s.value] = true
	}
	total := 0.0
	g := o.session.Graph()
	for i := range list {
		s := &list[i]
		total += s.seconds
		// What was fused stands before the value that is seen.
		for v := s.value; v != ""; {
			n := g.Producer(v)
			if n == nil {
				break
			}
			s.nodes = append(s.nodes, n)
			if s.flop = work[v]; s.flop > 0 {
				break
			}
			v = ""
			for _, in := range n.Inputs {
				if in != "" && !seen[in] && g.Const(in) == nil {
					v = in
				}
			}
		}
		slices.Reverse(s.nodes)
	}
	return list, total, nil
}

// kind is the sort of work that a step is.
func kind(g *graph.Graph, s step) string {
	if len(s.nodes) == 0 {
		return "input"
	}
	switch n := s.nodes[0]; n.Op {
	case "Conv":
		w := g.Const(n.Input(1))
		if w == nil || w.Rank() < 3 {
			return "convolution"
		}
		k := strings.ReplaceAll(strings.Trim(fmt.Sprint(w.Shape()[2:]), "[]"), " ", "×")
		name := "convolution " + k
		if n.Int("group", 1) > 1 && w.Dim(1) == 1 {
			name = "depthwise " + k
		}
		if st := n.Ints("strides"); len(st) > 0 && st[0] > 1 {
			name += fmt.Sprintf(", stride %d", st[0])
		}
		return name
	case "MatMul", "Gemm":
		if s.shape[0] == 1 && len(s.shape) == 2 {
			return "product with a vector"
		}
		return "product"
	case "MaxPool", "AveragePool", "GlobalAveragePool":
		return "pooling"
	case "Softmax", "LayerNormalization", "BatchNormalization":
		return "softmax and normalization"
	case "Reshape", "Transpose", "Flatten", "Concat", "Slice", "Split", "Gather", "Squeeze", "Unsqueeze":
		return "moves"
	}
	return "by element"
}

// summary prints which kinds of steps take one thread's time.
func summary(out io.Writer, g *graph.Graph, list []step, total, peak float64) error {
	type sum struct{ seconds, flop float64 }
	kinds := map[string]sum{}
	for _, s := range list {
		k := kinds[kind(g, s)]
		kinds[kind(g, s)] = sum{k.seconds + s.seconds, k.flop + s.flop}
	}
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(kinds[b].seconds, kinds[a].seconds), cmp.Compare(a, b))
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, name := range names {
		k := kinds[name]
		rate := ""
		if k.flop > 0 {
			rate = fmt.Sprintf("%.0f GFLOP/s, %.0f %%", k.flop/k.seconds/1e9, 100*k.flop/k.seconds/1e9/peak)
		}
		fmt.Fprintf(w, "    %.3f ms\t%.1f %%\t%s\t  %s\t\n", k.seconds*1e3, 100*k.seconds/total, rate, name)
	}
	return w.Flush()
}

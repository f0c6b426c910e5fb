package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// layers prints where the time of one thread goes: a line for each step of the
// session, from the slowest, with the least of its times over some runs, which other
// processes disturb least.
func layers(ctx context.Context, out io.Writer, n network, dir string, batch, runs, most int, profiling func() error) error {
	o, err := n.open(ctx, dir, batch)
	if err != nil {
		return err
	}
	work, err := flops(ctx, o.session, o.in)
	if err != nil {
		return err
	}
	if err := profiling(); err != nil {
		return err
	}
	times, shapes := map[string][]float64{}, map[string][]int{}
	var order []string
	for range runs + 1 { // the first one packs weights
		last := time.Now()
		err := o.session.Watch(ctx, o.in, func(name string, t *tensor.Tensor) {
			if shapes[name] == nil {
				order = append(order, name)
				shapes[name] = slices.Clone(t.Shape())
			}
			times[name] = append(times[name], time.Since(last).Seconds())
			last = time.Now()
		})
		if err != nil {
			return err
		}
	}
	total := 0.0
	took := map[string]float64{}
	for _, name := range order {
		took[name] = slices.Min(times[name][1:])
		total += took[name]
	}
	p := peak()
	fmt.Fprintf(out, "%s: %.2f ms on one thread, %.1f GFLOP/s of %.0f\n", n.name, total*1e3, o.flops/total/1e9, p)
	slices.SortStableFunc(order, func(a, b string) int {
		switch {
		case took[a] > took[b]:
			return -1
		case took[a] < took[b]:
			return 1
		}
		return 0
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ms\tshare\tGFLOP/s\t  step\t")
	g := o.session.Graph()
	for _, name := range order[:min(most, len(order))] {
		fmt.Fprintf(w, "%.3f\t%.1f %%\t", took[name]*1e3, 100*took[name]/total)
		// What was fused stands before the value that is seen.
		ops, flop := []string{}, 0.0
		for v := name; ; {
			node := g.Producer(v)
			if node == nil {
				ops = append(ops, "input")
				break
			}
			text := node.Op
			if s := g.Const(node.Input(1)); s != nil && s.Rank() > 1 {
				text += fmt.Sprint(s.Shape())
			}
			ops = append(ops, text)
			if flop = work[v]; flop > 0 {
				break
			}
			next := ""
			for _, in := range node.Inputs {
				if shapes[in] == nil && g.Const(in) == nil && in != "" {
					next = in // not seen: fused into this step
				}
			}
			if next == "" {
				break
			}
			v = next
		}
		slices.Reverse(ops)
		rate := ""
		if flop > 0 {
			rate = fmt.Sprintf("%.0f", flop/took[name]/1e9)
		}
		fmt.Fprintf(w, "%s\t  %s → %v\t\n", rate, strings.Join(ops, " "), shapes[name])
	}
	return w.Flush()
}

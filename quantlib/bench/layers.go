package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// layers prints where the time of one thread goes: a line for each step of the
// session, from the slowest, with the least of its times over some runs, which other
// processes disturb least.
func layers(ctx context.Context, out io.Writer, n network, dir string, batch, runs, most int, profiling func() error) error {
	o, err := n.open(ctx, dir, batch)
	if err != nil {
		return err
	}
	if err := profiling(); err != nil {
		return err
	}
	list, total, err := steps(ctx, o, o.session.Watch, runs)
	if err != nil {
		return err
	}
	p, g := peak(), o.session.Graph()
	fmt.Fprintf(out, "%s: %.2f ms on one thread, %.1f GFLOP/s of %.0f\n", n.name, total*1e3, o.flops/total/1e9, p)
	if err := summary(out, g, list, total, p); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b step) int { return cmp.Compare(b.seconds, a.seconds) })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ms\tshare\tGFLOP/s\t  step\t")
	for _, s := range list[:min(most, len(list))] {
		fmt.Fprintf(w, "%.3f\t%.1f %%\t", s.seconds*1e3, 100*s.seconds/total)
		ops := []string{}
		for _, n := range s.nodes {
			text := n.Op
			if w := g.Const(n.Input(1)); w != nil && w.Rank() > 1 {
				text += fmt.Sprint(w.Shape())
			}
			ops = append(ops, text)
		}
		if len(ops) == 0 {
			ops = []string{"input"}
		}
		rate := ""
		if s.flop > 0 {
			rate = fmt.Sprintf("%.0f", s.flop/s.seconds/1e9)
		}
		fmt.Fprintf(w, "%s\t  %s → %v\t\n", rate, strings.Join(ops, " "), s.shape)
	}
	return w.Flush()
}

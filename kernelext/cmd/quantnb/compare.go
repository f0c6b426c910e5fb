package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
)

var comparing = command{
	name: "compare", args: "MODEL",
	short: "Set scorers beside each other: time, ranking, and the plans they lead to",
	long: `Exact noise, one pass of gradients, the trace of the Hessian (HAWQ), a closed form
and chance score each layer's weights at each width. Printed are what scoring
takes, how well a score orders layers as the measured rise of the task loss and
the measured drop of top-1 do when that layer alone is quantized, and the
accuracy of the plan that each scorer's figures lead to, by the same solver and
at equal size, for several sets of widths. "exact, refined" has measured some
plans as a whole, on the samples of the grid, and corrected the figures by them.
± is one standard error: over samples, or for chance over seeds. Weights only;
activations stay in float32. It needs labels.

` + dataHelp,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		q := ask(fs)
		sets := widthSets{{4, 8}, {2, 4, 8}, {1, 4, 8, 16}}
		fs.Var(&sets, "sets", "`widths` that plans may use, several sets with semicolons between")
		layerSamples := fs.Int("layer-samples", 1000, "measure the drop of single layers on at most `n` samples")
		seeds := fs.Int("seeds", 5, "chance is the mean over `n` seeds")
		asJSON := fs.Bool("json", false, "print JSON")
		for _, unused := range []string{"scorer", "bits", "no-memo"} {
			fs.Lookup(unused).Usage = "not used by compare"
		}
		return func(ctx context.Context, std streams, args []string) error {
			q.bits = nil
			for _, s := range sets {
				q.bits = append(q.bits, s...)
			}
			s, err := q.open(args)
			if err != nil {
				return err
			}
			if *layerSamples < 2 || *seeds < 2 {
				return usage("-layer-samples and -seeds are 2 or more")
			}
			if !s.calibrated.Labeled() || s.tested != nil && !s.tested.Labeled() {
				return usage("compare needs labels: -labels, and -test-labels with -test")
			}
			s.study.NoMemo = true // what takes time is measured
			s.study.Progress = progress(std, q.quiet)
			c := &comparison{question: q, subject: s, sets: sets, layerSamples: *layerSamples, seeds: *seeds}
			failed := c.run(ctx)
			if failed != nil && ctx.Err() == nil {
				return failed
			}
			if *asJSON {
				e := json.NewEncoder(std.out)
				e.SetIndent("", "  ")
				if err := e.Encode(c.result); err != nil {
					return err
				}
			} else if err := c.result.Text(std.out); err != nil {
				return err
			}
			if failed != nil {
				fmt.Fprintln(std.err, "quantnb: interrupted; what is printed was done until then")
				return exitCode(130)
			}
			return nil
		}
	},
}

// widthSets is a flag of lists of widths.
type widthSets []ints

func (w *widthSets) String() string {
	var parts []string
	for _, s := range *w {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, ";")
}

// Set implements flag.Value.
func (w *widthSets) Set(text string) error {
	*w = nil
	for _, part := range strings.Split(text, ";") {
		var s ints
		if err := s.Set(part); err != nil {
			return err
		}
		slices.Sort(s)
		if s = slices.Compact(s); len(s) < 2 || s[0] < 1 || s[len(s)-1] > 16 {
			return fmt.Errorf("%q: a set is two widths or more, of 1..16", part)
		}
		*w = append(*w, s)
	}
	return nil
}

// budgets are the mean bits at which plans of a set are compared: half of the way
// from the lowest width to the next, and that one, or half of the way again
// where it is the highest.
func budgets(set ints) []float64 {
	lo, next := float64(set[0]), float64(set[1])
	if len(set) > 2 {
		return []float64{(lo + next) / 2, next}
	}
	return []float64{lo + (next-lo)/4, lo + (next-lo)/2}
}

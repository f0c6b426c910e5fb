package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/sense"
)

var planning = command{
	name: "plan", args: "MODEL",
	short: "Choose the widths of a network's layers within limits",
	long: `Prints the least noisy plan within the limits, what it costs, and how it differs
from a uniform one; both are measured. Predictions add up the noise of single
layers, which fails where there is much of it: -refine plans are measured on the
samples of the grid, uniform ones among them, and what they teach leads to the
next. With -noise or -drop alone it is the cheapest plan of that quality, and
-minimize says what is cheap. Limits
that no plan meets are an error that says which one and by how much it is missed.
-raise is the rule of thumb instead: all at the lowest width, then the noisiest
layers at the highest.

A wider limit never leads to more predicted noise (-refine 0). Plans that were
measured can differ the other way by a little, as others are tried.

ONNX Runtime computes what an .onnx file says with session.disable_quant_qdq=1, or
with its graph optimizations off; with them it may refuse widths below 8 bits.

-out may be given several times. A name that ends in .plan.json or .json gets the
plan, which quantlib reads back; other ends get the quantized network, in a format
that is known for it (` + strings.Join(networkEnds(), ", ") + `); .html gets a page with pictures.

` + dataHelp,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		q := ask(fs)
		w := &wish{minimize: quantlib.Bytes, raise: -1}
		w.flags(fs)
		asJSON := fs.Bool("json", false, "print JSON")
		var outs texts
		fs.Var(&outs, "out", "write the plan or the quantized network to `plan.json`")
		return func(ctx context.Context, std streams, args []string) error {
			if err := q.check(); err != nil {
				return err
			}
			if err := w.check(q, given(fs)); err != nil {
				return err
			}
			s, err := q.open(args)
			if err != nil {
				return err
			}
			page := ""
			for _, o := range outs {
				if err := outputKnown(o); err != nil {
					return err
				}
				if strings.HasSuffix(o, ".html") {
					page = o
				}
			}
			s.study.Progress = progress(std, q.quiet)
			a := newAnalysis(q, s, "plan")
			err = a.run(ctx, []step{
				{"reading the model", true, a.layers},
				{"calibration", true, a.calibrate},
				{"noise of each layer", true, a.measure},
				{"frontier", false, a.frontier},
				{"plan", true, func(ctx context.Context) error { return a.wished(ctx, w) }},
			})
			if err == nil {
				err = a.write(ctx, outs)
			}
			return a.finish(ctx, std, err, *asJSON, page)
		}
	},
}

// networkEnds is what the name of a quantized network's file may end in.
func networkEnds() []string {
	return slices.DeleteFunc(format.Exporters(), func(e string) bool { return e == ".json" })
}

// texts is a flag that may be given several times.
type texts []string

func (t *texts) String() string { return strings.Join(*t, " ") }

// Set implements flag.Value.
func (t *texts) Set(text string) error {
	*t = append(*t, text)
	return nil
}

// pins is a flag that fixes layers' widths.
type pins []quantlib.Pin

func (p *pins) String() string { return fmt.Sprint(*p) }

// Set implements flag.Value: "layer=8" or "layer=4/8", a dash leaves the choice.
func (p *pins) Set(text string) error {
	at := strings.LastIndex(text, "=")
	if at <= 0 {
		return errors.New(`write layer=8, or layer=4/8 for weight/activation`)
	}
	width := func(s string) (int, error) {
		switch s {
		case "-":
			return -1, nil
		case "float":
			return 0, nil
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 16 {
			return 0, fmt.Errorf("width %q; widths are 1..16, float, or - to leave the choice", s)
		}
		return n, nil
	}
	w, a, two := strings.Cut(text[at+1:], "/")
	if !two {
		a = w
	}
	pin := quantlib.Pin{Layers: text[:at]}
	var err error
	if pin.Weight, err = width(w); err == nil {
		pin.Activation, err = width(a)
	}
	*p = append(*p, pin)
	return err
}

// wish is what a plan shall keep to.
type wish struct {
	bytes                            int
	meanBits, activationBits         float64
	bops, latency, noise, sqnr, drop float64
	dropGiven                        bool
	raise                            int
	pins                             pins
	weights, activations             ints
	minimize                         string
	against, refine                  int
	low, high                        int // what -raise begins with, and raises to
}

// given is the flags that the user wrote.
func given(fs *flag.FlagSet) map[string]bool {
	names := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
}

// refineTries is how many plans are measured where -refine is silent.
const refineTries = 24

func (w *wish) flags(fs *flag.FlagSet) {
	fs.IntVar(&w.bytes, "bytes", 0, "weights take at most `n` bytes")
	fs.Float64Var(&w.meanBits, "mean-bits", 0, "weights have at most `x` bits on average")
	fs.Float64Var(&w.activationBits, "activation-bits", 0, "activations have at most `x` bits on average")
	fs.Float64Var(&w.bops, "bops", 0, "at most `x` bit operations for one sample: Σ MACs·bits·bits")
	fs.Float64Var(&w.latency, "latency", 0, "at most `x` seconds for one sample on the device of -profile")
	fs.Float64Var(&w.noise, "noise", 0, "predicted noise-to-signal power at most `x`")
	fs.Float64Var(&w.sqnr, "sqnr", 0, "predicted SQNR at least `x` dB: -noise in other words")
	fs.Func("drop", "measured top-1 at most `x` lower than the float network's; 0.01 is a percentage point", func(text string) (err error) {
		w.drop, err = strconv.ParseFloat(text, 64)
		w.dropGiven = true
		return err
	})
	fs.IntVar(&w.raise, "raise", -1, "all at the lowest of -bits, then the `n` noisiest layers at the highest")
	fs.Var(&w.pins, "pin", "fix a layer: `layer=8`, or layer=4/8 for weight/activation, where - leaves a choice and float takes float32; also globs and op:Conv; repeatable")
	fs.Var(&w.weights, "weights", "`widths` that weights may take (default: -bits)")
	fs.Var(&w.activations, "activations", "`widths` that activations may take (default: the highest of -bits)")
	fs.StringVar(&w.minimize, "minimize", quantlib.Bytes, "with -noise or -drop: `"+strings.Join(costNames(), ", ")+"`")
	fs.IntVar(&w.refine, "refine", refineTries, "measure at most `n` plans within the limits and take the least noisy; 0 takes the one of least predicted noise")
	fs.IntVar(&w.against, "against", 0, "compare with all weights at `n` bits (default: the best uniform plan within the limits)")
}

func (w *wish) check(q *question, given map[string]bool) error {
	for _, l := range []struct {
		name string
		x    float64
	}{{"bytes", float64(w.bytes)}, {"mean-bits", w.meanBits}, {"activation-bits", w.activationBits}, {"bops", w.bops}, {"latency", w.latency}, {"noise", w.noise}} {
		if given[l.name] && !(l.x > 0) {
			return usage(fmt.Sprintf("-%s: a limit is greater than zero, not %g", l.name, l.x))
		}
	}
	switch {
	case given["drop"] && !(w.drop >= 0):
		return usage(fmt.Sprintf("-drop: a drop is not %g; 0.01 is a percentage point", w.drop))
	case given["sqnr"] && math.IsNaN(w.sqnr):
		return usage("-sqnr: not a number of dB")
	case given["noise"] && given["sqnr"]:
		return usage("-noise and -sqnr say the same; give one")
	case w.refine < 0:
		return usage("-refine: a number of plans is not negative")
	case given["raise"] && w.raise < 0:
		return usage("-raise: a number of layers is not negative")
	}
	if given["sqnr"] {
		w.noise = math.Pow(10, -w.sqnr/10)
	}
	if given["raise"] {
		for _, name := range []string{"weights", "activations", "pin", "minimize", "refine"} {
			if given[name] {
				return usage("-raise takes its two widths from -bits, and no -" + name)
			}
		}
	}
	switch {
	case w.limits() == 0 && w.raise < 0:
		return usage("needs a limit: -bytes, -mean-bits, -activation-bits, -bops, -latency, -noise, -sqnr, -drop, or -raise")
	case w.raise >= 0 && w.limits() > 0:
		return usage("-raise takes no limits")
	case w.dropGiven && w.limits() > 1:
		return usage("-drop is measured, and takes no other limits; use -noise or -sqnr with them")
	case q.scorer == "hawq" || q.scorer == "closed":
		return usage("the scorer " + q.scorer + " says nothing of activations and of noise; plans are made with exact, onepass or random")
	case w.latency > 0 && q.profile == "simulation":
		return usage("-latency needs the device of -profile; simulation has no speed")
	case !slices.Contains(costNames(), w.minimize):
		return usage(fmt.Sprintf("-minimize: %q; costs are %s", w.minimize, strings.Join(costNames(), ", ")))
	case given["minimize"] && !w.cheapest():
		return usage("-minimize goes with one limit, on quality: -noise, -sqnr or -drop; within other limits it is noise that is least")
	case given["refine"] && w.refine > 0 && w.cheapest():
		return usage("-refine goes with limits on costs; with -noise, -sqnr or -drop alone nothing is refined")
	}
	w.low, w.high = q.bits[0], q.bits[len(q.bits)-1]
	if w.weights == nil {
		w.weights = q.bits
	}
	if w.activations == nil {
		w.activations = q.bits[len(q.bits)-1:]
	}
	// What may be chosen must be measured.
	for _, b := range slices.Concat(w.weights, w.activations) {
		if b < 1 || b > 16 {
			return usage(fmt.Sprintf("-weights, -activations: %d; widths are 1..16", b))
		}
		q.bits = append(q.bits, b)
	}
	for _, p := range w.pins {
		for _, b := range []int{p.Weight, p.Activation} {
			if b > 0 {
				q.bits = append(q.bits, b)
			}
		}
	}
	if w.against != 0 {
		if w.against < 1 || w.against > 16 {
			return usage(fmt.Sprintf("-against: %d; widths are 1..16", w.against))
		}
		q.bits = append(q.bits, w.against)
	}
	slices.Sort(q.bits)
	q.bits = slices.Compact(q.bits)
	return nil
}

// limits is how many limits are given.
func (w *wish) limits() int {
	n := 0
	for _, given := range []bool{w.bytes > 0, w.meanBits > 0, w.activationBits > 0, w.bops > 0, w.latency > 0, w.noise > 0, w.dropGiven} {
		if given {
			n++
		}
	}
	return n
}

// cheapest tells whether quality alone is limited, so that a cost shall be least.
func (w *wish) cheapest() bool { return (w.noise > 0 || w.dropGiven) && w.limits() == 1 }

func (w *wish) space() quantlib.Space {
	return quantlib.Space{Weights: w.weights, Activations: w.activations, Pins: w.pins}
}

// wished finds the plan and describes it.
func (a *analysis) wished(ctx context.Context, w *wish) error {
	c, why, err := a.choose(ctx, w)
	if err != nil {
		return decibels(err)
	}
	uniform, name, err := a.uniformBeside(w, &c)
	if err != nil {
		return err
	}
	return a.adopt(ctx, c, uniform, name, why)
}

// decibels adds to limits that exclude each other what one on noise is as SQNR.
func decibels(err error) error {
	var none *alloc.InfeasibleError
	if !errors.As(err, &none) {
		return err
	}
	for _, l := range none.Limits {
		least := l.Least
		if l.Alone {
			least = l.Beside
		}
		if l.Cost == alloc.Noise && least > l.Max {
			return fmt.Errorf("%w (SQNR: %.1f dB asked, %.1f dB at most)", err, -10*math.Log10(l.Max), -10*math.Log10(least))
		}
	}
	return err
}

func (a *analysis) choose(ctx context.Context, w *wish) (c sense.Choice, why string, err error) {
	if w.raise >= 0 {
		start, err := a.study.Uniform(w.low, w.low)
		if err != nil {
			return c, "", err
		}
		c, err = a.table.Raise(start, w.high, w.raise)
		return c, fmt.Sprintf("%d bits everywhere, but %[3]d bits in the %[2]d layers that are the noisiest so", w.low, min(w.raise, len(a.m.Layers)), w.high), err
	}
	l := w.quantLimits()
	sp := w.space()
	switch {
	case w.dropGiven:
		f, err := a.table.Frontier(ctx, sp, costOf(w.minimize))
		if err != nil {
			return c, "", err
		}
		t, err := f.Target(ctx, quantlib.DropAtMost(w.drop), a.study.Evaluate)
		return t.Choice, fmt.Sprintf("the least %s on the frontier with a measured top-1 at most %g lower than the float network's; %d plans measured", w.minimize, w.drop, t.Measured), err
	case w.cheapest():
		c, err = a.table.Cheapest(ctx, sp, l, costOf(w.minimize))
		return c, fmt.Sprintf("the least %s with a predicted noise-to-signal power of at most %.3g (%.1f dB)", w.minimize, w.noise, 0-10*math.Log10(w.noise)), err
	}
	return a.chosenPlan(ctx, sp, l, w.refine, w.String())
}

// String is the limits in words.
func (w *wish) String() string {
	var parts []string
	add := func(given bool, format string, x any) {
		if given {
			parts = append(parts, fmt.Sprintf(format, x))
		}
	}
	add(w.bytes > 0, "at most %d bytes of weights", w.bytes)
	add(w.meanBits > 0, "at most %g bits a weight", w.meanBits)
	add(w.activationBits > 0, "at most %g bits an activation", w.activationBits)
	add(w.bops > 0, "at most %g bit operations", w.bops)
	add(w.latency > 0, "at most %g s", w.latency)
	add(w.noise > 0, "predicted noise at most %.3g", w.noise)
	add(len(w.pins) == 1, "%d pin", 1)
	add(len(w.pins) > 1, "%d pins", len(w.pins))
	return strings.Join(parts, ", ")
}

// outputKnown reports early that a file cannot be written.
func outputKnown(path string) error {
	if err := writable(path); err != nil {
		return fmt.Errorf("-out %s: %w", path, err)
	}
	ext := strings.ToLower(filepath.Ext(path))
	if ext != ".json" && ext != ".html" && !slices.Contains(networkEnds(), ext) {
		return usage(fmt.Sprintf("-out %s: a plan is written as .json, a page as .html, a quantized network as %s", path, strings.Join(networkEnds(), ", ")))
	}
	return nil
}

// write writes the plan, and the network that it makes.
func (a *analysis) write(ctx context.Context, paths []string) error {
	var written []string
	for _, path := range paths {
		var err error
		switch ext := strings.ToLower(filepath.Ext(path)); ext {
		case ".html":
			continue // when all is known
		case ".json":
			err = writeFile(path, func(w io.Writer) error {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(a.chosen.Plan)
			})
		default:
			err = a.study.Export(ctx, a.chosen.Plan, path)
		}
		if err != nil {
			return err
		}
		written = append(written, path)
	}
	a.report.Plan.Files = written
	return nil
}

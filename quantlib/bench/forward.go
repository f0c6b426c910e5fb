package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/onnx"
)

// maxParity is the greatest difference of the float outputs, as a part of their
// range. Both runtimes compute in float32, whose unit is 6e-8, and sum up to some
// thousand products in different orders.
const maxParity = 1e-4

// errParity is returned after everything has been printed.
var errParity = errors.New("outputs differ by more than 1e-4 of their range")

// forward prints, for each network, the parity of both runtimes and how fast
// they are beside each other.
type forward struct {
	out     io.Writer
	dir     string
	ort     *ort
	threads int // of the modes with several
	batch   int
	pairs   int
	least   time.Duration // that one side of a pair takes
	fpeak   float64       // GFLOP/s of one thread
	timed   bool          // or else parity alone
	clock   string        // cpu, wall, or "" for cpu on one thread and wall on several
}

// side is one runtime with one network: n runs in each of some workers.
type side func(workers, n int) (cost, error)

// byCPU says whether a mode's speed is told by processor time, which other
// processes disturb less; with several threads it hides waiting.
func (f *forward) byCPU(m mode) bool {
	return f.clock == "cpu" || f.clock == "" && m.threads*m.workers == 1
}

// mode is a way of using the processor.
type mode struct {
	name             string
	threads, workers int
}

func (f *forward) modes() []mode {
	m := []mode{{"1 thread", 1, 1}}
	if f.threads > 1 {
		m = append(m, mode{fmt.Sprintf("%d threads", f.threads), f.threads, 1}, mode{fmt.Sprintf("%d workers", f.threads), 1, f.threads})
	}
	return m
}

func (f *forward) network(ctx context.Context, n network) error {
	o, err := n.open(ctx, f.dir, f.batch)
	if err != nil {
		return err
	}
	if err := f.ort.feed("in", o.in); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	change, g, err := simulated(ctx, o.session, o.m, o.in)
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	fakePath := filepath.Join(f.dir, n.name+"-simulated.onnx")
	if err := onnx.Save(fakePath, g); err != nil {
		return err
	}
	variant, err := o.session.With(change)
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	fmt.Fprintf(f.out, "%s: %.2f GFLOP for a batch of %d\n", n.name, o.flops/1e9, f.batch)
	var failed error
	for _, k := range []struct {
		name, path  string
		run, single func(context.Context, exec.Values) (exec.Values, error)
	}{
		{"float", o.path, o.session.Run, o.session.RunSingle},
		{"8 bits simulated", fakePath, variant.Run, variant.RunSingle},
	} {
		diff, err := f.parity(ctx, o, k.path, k.run)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", n.name, k.name, err)
		}
		verdict := ""
		if k.name == "float" {
			verdict = "ok"
			if diff > maxParity || diff != diff {
				verdict, failed = "FAILED", fmt.Errorf("%s: %w", n.name, errParity)
			}
		}
		fmt.Fprintf(f.out, "  %-17s largest difference %.2g of the outputs' range %s\n", k.name, diff, verdict)
		if !f.timed {
			continue
		}
		for _, m := range f.modes() {
			run := k.single
			if m.threads > 1 {
				run = k.run
			}
			if err := f.measure(ctx, o, k.name, k.path, m, run); err != nil {
				return fmt.Errorf("%s, %s: %w", n.name, k.name, err)
			}
		}
	}
	if f.timed {
		if err := f.overhead(ctx, o, variant); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return failed
}

// overhead prints what simulation costs over our own float run, and which steps of
// both take the time of one thread.
func (f *forward) overhead(ctx context.Context, o *opened, variant *exec.Variant) error {
	plain := func(workers, n int) (cost, error) { return timed(ctx, o, o.session.RunSingle, workers, n) }
	simulated := func(workers, n int) (cost, error) { return timed(ctx, o, variant.RunSingle, workers, n) }
	for _, m := range f.modes() {
		if m.threads > 1 {
			continue
		}
		r, err := alternate(plain, simulated, m.workers, f.pairs, f.least)
		if err != nil {
			return err
		}
		ratio, by := r.wall, "clock"
		if f.byCPU(m) {
			ratio, by = r.cpu, "processor time"
		}
		if m.workers == 1 {
			a, b, err := leasts(plain, simulated, 5*f.pairs)
			if err != nil {
				return err
			}
			fmt.Fprintf(f.out, "  simulation costs  least      %+.1f %% over float by the least processor time of a run\n", 100*(b/a-1))
		}
		fmt.Fprintf(f.out, "  simulation costs  %-9s  %+.1f %% over float by %s (by the clock %+.1f %%, processor time %+.1f %%)\n",
			m.name, 100*(ratio-1), by, 100*(r.wall-1), 100*(r.cpu-1))
	}
	for _, k := range []struct {
		name  string
		watch watcher
	}{{"float", o.session.Watch}, {"8 bits simulated", variant.Watch}} {
		list, total, err := steps(ctx, o, k.watch, 3*f.pairs)
		if err != nil {
			return err
		}
		fmt.Fprintf(f.out, "  %s, by the least time of each step: %.2f ms, %.0f %% of the FMA peak\n", k.name, total*1e3, 100*o.flops/total/1e9/f.fpeak)
		if err := summary(f.out, o.session.Graph(), list, total, f.fpeak); err != nil {
			return err
		}
	}
	return nil
}

// timed is what n runs in each of some workers cost.
func timed(ctx context.Context, o *opened, run func(context.Context, exec.Values) (exec.Values, error), workers, n int) (cost, error) {
	errs := make([]error, workers)
	start, used := time.Now(), cpuSeconds()
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for range n {
				if _, err := run(ctx, o.in); err != nil {
					errs[k] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return cost{time.Since(start).Seconds(), cpuSeconds() - used}, errors.Join(errs...)
}

// parity is the greatest difference of both outputs, as a part of their range.
func (f *forward) parity(ctx context.Context, o *opened, path string, run func(context.Context, exec.Values) (exec.Values, error)) (float64, error) {
	id, err := f.ort.open(path, 1)
	if err != nil {
		return 0, err
	}
	want, err := f.ort.run(id, "in")
	if err != nil {
		return 0, err
	}
	if err := f.ort.free(id); err != nil {
		return 0, err
	}
	out, err := run(ctx, o.in)
	if err != nil {
		return 0, err
	}
	got := out[o.output].F32()
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d outputs, onnxruntime gives %d", len(got), len(want))
	}
	lo, hi, diff := math.Inf(1), math.Inf(-1), 0.0
	for i, w := range want {
		lo, hi = min(lo, float64(w)), max(hi, float64(w))
		diff = max(diff, math.Abs(float64(got[i])-float64(w))) // NaN stays
	}
	return diff / (hi - lo), nil
}

// measure runs both alternately and prints the medians.
func (f *forward) measure(ctx context.Context, o *opened, kind, path string, m mode, run func(context.Context, exec.Values) (exec.Values, error)) error {
	id, err := f.ort.open(path, m.threads)
	if err != nil {
		return err
	}
	theirs := func(workers, n int) (cost, error) { return f.ort.time(id, "in", workers, n) }
	ours := func(workers, n int) (cost, error) { return timed(ctx, o, run, workers, n) }
	r, err := alternate(ours, theirs, m.workers, f.pairs, f.least)
	if err != nil {
		return err
	}
	f.fpeak = max(f.fpeak, peak())
	took, speed, other := r.ours.wall, r.wall, fmt.Sprintf("cpu %.2f ×", r.cpu)
	if f.byCPU(m) {
		took, speed, other = r.ours.cpu, r.cpu, fmt.Sprintf("clock %.2f ×", r.wall)
	}
	rate, top := o.flops/took/1e9, f.fpeak*float64(m.threads)
	if !f.byCPU(m) {
		top *= float64(m.workers)
	}
	share := "peak unknown"
	if top > 0 {
		share = fmt.Sprintf("%.0f %% of the FMA peak of %.0f", 100*rate/top, top)
	}
	fmt.Fprintf(f.out, "  %-16s  %-9s  ours %7.2f ms (cpu %7.2f)  onnxruntime %7.2f ms (cpu %7.2f)  speed %.2f × (%s)  %5.1f GFLOP/s, %s\n",
		kind, m.name, r.ours.wall*1e3, r.ours.cpu*1e3, r.theirs.wall*1e3, r.theirs.cpu*1e3, speed, other, rate, share)
	if m.threads*m.workers == 1 {
		a, b, err := leasts(ours, theirs, 5*f.pairs)
		if err != nil {
			return err
		}
		fmt.Fprintf(f.out, "  %-16s  least     ours %7.2f ms  onnxruntime %7.2f ms of processor time in %d single runs  speed %.2f ×  %.0f %% of the FMA peak\n",
			kind, a*1e3, b*1e3, 5*f.pairs, b/a, 100*o.flops/a/1e9/f.fpeak)
	}
	return f.ort.free(id)
}

// cost is seconds: as the clock has them, and as all threads of the process used
// the processor, which other processes disturb less.
type cost struct{ wall, cpu float64 }

// result is the medians over the pairs: of the cost of one run, all workers
// together, and of theirs/ours in each pair.
type result struct {
	ours, theirs cost
	wall, cpu    float64
}

// alternate runs pairs of both sides, each first in turn.
func alternate(ours, theirs side, workers, pairs int, least time.Duration) (r result, err error) {
	sides := [2]side{ours, theirs}
	var n [2]int
	for i, s := range sides { // warm both, and find how many runs make a measurement
		if _, err := s(workers, 1); err != nil {
			return r, err
		}
		t, err := s(workers, 1)
		if err != nil {
			return r, err
		}
		n[i] = max(1, min(1000, int(math.Ceil(least.Seconds()/t.wall))))
	}
	runs := max(n[0], n[1])
	var wall, cpu [2][]float64
	var wallRatio, cpuRatio []float64
	for i := range pairs {
		runtime.GC() // none of it is left to a measurement
		var t [2]cost
		for k := range 2 {
			which := (i + k) % 2
			if t[which], err = sides[which](workers, runs); err != nil {
				return r, err
			}
			wall[which] = append(wall[which], t[which].wall/float64(runs*workers))
			cpu[which] = append(cpu[which], t[which].cpu/float64(runs*workers))
		}
		wallRatio, cpuRatio = append(wallRatio, t[1].wall/t[0].wall), append(cpuRatio, t[1].cpu/t[0].cpu)
	}
	r.ours, r.theirs = cost{median(wall[0]), median(cpu[0])}, cost{median(wall[1]), median(cpu[1])}
	r.wall, r.cpu = median(wallRatio), median(cpuRatio)
	return r, nil
}

// leasts is the least processor time of a single run of each side, in alternation:
// the one that other processes disturbed least.
func leasts(ours, theirs side, runs int) (a, b float64, err error) {
	least := [2]float64{math.Inf(1), math.Inf(1)}
	for range runs {
		for i, s := range [2]side{ours, theirs} {
			c, err := s(1, 1)
			if err != nil {
				return 0, 0, err
			}
			least[i] = min(least[i], c.cpu)
		}
	}
	return least[0], least[1], nil
}

// median is the middle of x, which it sorts.
func median(x []float64) float64 {
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}

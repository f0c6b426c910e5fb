package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	qexec "github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/sense"
)

var (
	//go:embed ppq_sensitivity.py
	ppqSensitivity []byte
	//go:embed aimet_sensitivity.py
	aimetSensitivity []byte
)

// peers are those that measure sensitivity by layer. Their environments are made
// by pythonWith.
var peers = []struct {
	name, venv, statement string
	packages              []string
	script                *[]byte
}{
	{"ppq", "ppq-venv", "import ppq", ppqPackages, &ppqSensitivity},
	{"aimet", "aimet-venv", "import aimet_onnx", []string{"aimet-onnx==2.42.0"}, &aimetSensitivity},
}

// onePassWidths is what a one-pass scorer answers for at once.
const onePassWidths = 16

// sensitivity measures what one cell costs: a layer quantized, at a width, on one
// sample.
type sensitivity struct {
	out     io.Writer
	dir     string
	threads int
	samples int
	pairs   int
	without []string // peers to leave out
}

// spent is what a run of some cells took. Treatments are the networks with
// something quantized that were run, on one sample each; a peer has one for each
// cell, our exact scorer three, the weight, the activation, and both, or one where
// it is asked for whole layers.
type spent struct {
	cost
	cells, treatments int
	forwards          float64 // whole forward passes that would need as many multiply-adds; 0 unknown
	noise             map[string]float64
}

// contender is one way to score a network.
type contender struct {
	name string
	run  func() (spent, error)
}

func (s *sensitivity) network(ctx context.Context, n network) (err error) {
	o, err := n.open(ctx, s.dir, s.samples)
	if err != nil {
		return err
	}
	inputs := o.session.Graph().Inputs()
	if len(inputs) != 1 {
		return fmt.Errorf("%s: has %d inputs", n.name, len(inputs))
	}
	x := o.in[inputs[0].Name]
	file := filepath.Join(s.dir, "samples.bin")
	if err := os.WriteFile(file, x.Bytes(), 0o644); err != nil {
		return err
	}
	data := batchOf{o.in, inputs[0].Name}
	st, err := calibrate.Collect(ctx, o.session, o.m, data, calibrate.Config{})
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	all, err := suffixes(ctx, o, data, sense.Weight, sense.Activation, sense.Both)
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	whole, err := suffixes(ctx, o, data, sense.Both)
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	list := []contender{
		{"exact", s.ours(ctx, o, st, data, sense.Exact{}, []int{8}, all)},
		{"whole", s.ours(ctx, o, st, data, sense.Exact{Whole: true}, []int{8}, whole)},
	}
	var widths []int
	for b := 1; b <= onePassWidths; b++ {
		widths = append(widths, b)
	}
	for _, probes := range estimates {
		forwards, err := wayBack(ctx, o, data, probes, len(widths))
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		list = append(list, contender{fmt.Sprintf("%d probes", probes), s.ours(ctx, o, st, data, sense.OnePass{Probes: probes}, widths, forwards-1)})
	}
	ours := len(list)
	for _, p := range peers {
		if slices.Contains(s.without, p.name) {
			continue
		}
		c, version, closing, err := s.theirs(p.name, p.venv, p.statement, p.packages, *p.script, o.path, file, x.Shape()[1:])
		if err != nil {
			fmt.Fprintf(s.out, "%s: %s cannot be run: %v\n", n.name, p.name, err)
			continue
		}
		defer closing()
		fmt.Fprintf(s.out, "%s: %s\n", n.name, version)
		list = append(list, c)
	}
	fmt.Fprintf(s.out, "%s: %d layers, %d samples of %v, %d threads\n", n.name, len(o.m.Layers), s.samples, x.Shape()[1:], s.threads)
	return s.compare(list, ours)
}

// compare runs all contenders in turn, several times, and prints medians.
func (s *sensitivity) compare(list []contender, ours int) error {
	all := make([][]spent, len(list))
	for i := range list[:ours] { // packs weights and finds ranges, which is calibration
		if _, err := list[i].run(); err != nil {
			return fmt.Errorf("%s: %w", list[i].name, err)
		}
	}
	for k := range s.pairs {
		for j := range list {
			i := (k + j) % len(list)
			runtime.GC()
			t, err := list[i].run()
			if err != nil {
				return fmt.Errorf("%s: %w", list[i].name, err)
			}
			all[i] = append(all[i], t)
		}
	}
	for i, c := range list {
		first := all[i][0]
		each := func(n int, f func(spent) float64) float64 {
			var v []float64
			for _, t := range all[i] {
				v = append(v, 1e3*f(t)/float64(n))
			}
			return median(v)
		}
		wall, cpu := func(t spent) float64 { return t.wall }, func(t spent) float64 { return t.cpu }
		fmt.Fprintf(s.out, "  %-8s  %5d cells  %8.3f ms a cell (cpu %8.3f)", c.name, first.cells, each(first.cells, wall), each(first.cells, cpu))
		if first.treatments > 0 && first.treatments != first.cells {
			fmt.Fprintf(s.out, "  %8.3f ms a treatment (cpu %8.3f)", each(first.treatments, wall), each(first.treatments, cpu))
		}
		switch {
		case first.forwards > 0 && first.treatments > 0:
			fmt.Fprintf(s.out, "  %.1f forwards, %.2f a treatment", first.forwards, first.forwards/float64(first.treatments))
		case first.forwards > 0:
			fmt.Fprintf(s.out, "  %.1f forwards, %.4f a cell", first.forwards, first.forwards/float64(first.cells))
		}
		fmt.Fprintln(s.out)
	}
	for i := range list[:ours] {
		for j := ours; j < len(list); j++ {
			per := func(cells func(spent) int, f func(spent) float64) float64 {
				var v []float64
				for k := range all[i] {
					a, b := all[i][k], all[j][k]
					v = append(v, f(b)/float64(cells(b))/(f(a)/float64(cells(a))))
				}
				return median(v)
			}
			cells, treatments := func(t spent) int { return t.cells }, func(t spent) int { return t.treatments }
			wall, cpu := func(t spent) float64 { return t.wall }, func(t spent) float64 { return t.cpu }
			fmt.Fprintf(s.out, "  %s over %s: %.1f × per cell (cpu %.1f ×)", list[j].name, list[i].name, per(cells, wall), per(cells, cpu))
			if t := all[i][0]; t.treatments > 0 && t.treatments != t.cells {
				fmt.Fprintf(s.out, ", %.1f × per treatment (cpu %.1f ×)", per(treatments, wall), per(treatments, cpu))
			}
			if r, n := agree(all[i][0].noise, all[j][0].noise); n > 2 {
				fmt.Fprintf(s.out, ", rank correlation of the noise of %d layers %.3f", n, r)
			}
			fmt.Fprintln(s.out)
		}
	}
	return nil
}

// ours is one of our scorers; beyond is what it takes for a sample beyond one
// forward pass, in such passes.
func (s *sensitivity) ours(ctx context.Context, o *opened, st *calibrate.Stats, data calibrate.Samples, scorer sense.Scorer, widths []int, beyond float64) func() (spent, error) {
	return func() (spent, error) {
		treatments := 0
		c := sense.Config{Widths: widths, Progress: func(_, total int) { treatments = total }}
		start, used := time.Now(), cpuSeconds()
		g, err := scorer.Score(ctx, sense.Subject{Session: o.session, Stats: st, Data: data}, c)
		t := spent{cost: cost{time.Since(start).Seconds(), cpuSeconds() - used}}
		if err != nil {
			return t, err
		}
		n := data.Len()
		t.cells = len(g.Layers) * len(widths) * n
		t.forwards = (beyond + 1) * float64(n)
		if _, ok := scorer.(sense.Exact); ok {
			batches := (n + 15) / 16 // as sense.Config.Batch has it
			t.treatments = treatments / batches * n
		}
		t.noise = map[string]float64{}
		for _, l := range g.Layers {
			mode := sense.Both
			if !g.At(l, widths[len(widths)/2], mode).Valid {
				mode = sense.Weight
			}
			t.noise[l] = g.At(l, widths[len(widths)/2], mode).NSR.Mean
		}
		return t, nil
	}
}

// theirs starts a peer with the network.
func (s *sensitivity) theirs(name, venv, statement string, packages []string, script []byte, path, samples string, shape []int) (c contender, version string, closing func(), err error) {
	if path, err = filepath.Abs(path); err != nil { // the peer runs in another folder
		return c, "", nil, err
	}
	python, err := pythonWith(venv, statement, packages)
	if err != nil {
		return c, "", nil, err
	}
	var log bytes.Buffer
	p, err := startPeer(name, python, s.dir, script, &log)
	if err != nil {
		return c, "", nil, err
	}
	var hello struct{ Version, With string }
	if err := p.call(map[string]any{"op": "open", "path": path, "inputs": samples, "shape": shape, "threads": s.threads}, &hello); err != nil {
		p.close()
		said := strings.TrimSpace(log.String())
		return c, "", nil, fmt.Errorf("%w\n%s", err, said[max(0, len(said)-2000):])
	}
	run := func() (spent, error) {
		var reply struct {
			Seconds, CPU float64
			Cells        int
			Forwards     float64
			Noise        map[string]float64
		}
		err := p.call(map[string]any{"op": "run"}, &reply)
		return spent{cost{reply.Seconds, reply.CPU}, reply.Cells, reply.Cells, reply.Forwards, reply.Noise}, err
	}
	return contender{name, run}, fmt.Sprintf("%s %s, %s", name, hello.Version, hello.With), func() { p.close() }, nil
}

// batchOf is one batch of a network's input as a data set.
type batchOf struct {
	in   qexec.Values
	name string
}

func (b batchOf) Len() int { return b.in[b.name].Dim(0) }

func (b batchOf) Batch(lo, hi int) (qexec.Values, error) {
	return qexec.Values{b.name: b.in[b.name].Slice(lo, hi)}, nil
}

// suffixes is the multiply-adds of all treatments of one width, re-run from the
// tensors that they change, over those of a forward pass. Treatments are sets of
// ties: each layer's weight, its activations, and both; equal ones count once.
func suffixes(ctx context.Context, o *opened, data calibrate.Samples, modes ...sense.Mode) (float64, error) {
	macs, err := sense.MACs(ctx, o.session, o.m, data)
	if err != nil {
		return 0, err
	}
	g := o.session.Graph()
	of, whole := map[*graph.Node]float64{}, 0.0
	for i, l := range o.m.Layers {
		of[g.Node(l.Name)] = float64(macs[i])
		whole += float64(macs[i])
	}
	seen, sum := map[string]bool{}, 0.0
	for _, l := range o.m.Layers {
		for _, mode := range modes {
			var values []string
			if l.Weight >= 0 && mode != sense.Activation {
				values = append(values, members(o.m, l.Weight)...)
			}
			if mode != sense.Weight {
				for _, a := range l.Activations {
					values = append(values, members(o.m, a)...)
				}
			}
			slices.Sort(values)
			if key := strings.Join(values, "\x00"); len(values) == 0 || seen[key] {
				continue
			} else {
				seen[key] = true
			}
			reached := map[*graph.Node]bool{}
			for len(values) > 0 {
				v := values[0]
				values = values[1:]
				for _, n := range g.Consumers(v) {
					if !reached[n] {
						reached[n] = true
						values = append(values, n.Outputs...)
					}
				}
			}
			for _, n := range g.Nodes() {
				if reached[n] {
					sum += of[n]
				}
			}
		}
	}
	return sum / whole, nil
}

// members is the values that are tied to a quantizer.
func members(m *plan.Map, quantizer int) (values []string) {
	for _, k := range m.Ties[m.Quantizers[quantizer].Tie].Members {
		values = append(values, m.Quantizers[k].Value)
	}
	return values
}

// agree is the rank correlation of two scores over the layers that both have.
func agree(a, b map[string]float64) (float64, int) {
	var names []string
	for name := range a {
		if _, ok := b[name]; ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var x, y []float64
	for _, name := range names {
		x, y = append(x, a[name]), append(y, b[name])
	}
	return sense.Spearman(x, y), len(names)
}

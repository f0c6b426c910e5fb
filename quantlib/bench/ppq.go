package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	qexec "github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

//go:embed ppq_layers.py
var ppqScript []byte

// ppqPackages is PPQ with what it runs on: its generated protobuf code needs
// protobuf 3, and so an old onnx and numpy.
var ppqPackages = []string{"ppq==0.6.6", "torch", "onnx==1.14.1", "protobuf==3.20.3", "numpy<2"}

// maxPPQ is how much the noise of a layer may differ between PPQ and us, relative
// to it, where both choose the least and the greatest value. Both compute float32
// convolutions, in different orders; a value at the edge of two codes may fall to
// either side.
const maxPPQ = 0.01

// noNoise is what float32 leaves where quantization changes nothing: images of bytes
// are on the grid of 8 bits.
const noNoise = 1e-11

const ppqSamples = 64

// What goes to the script and comes back.
type (
	ppqLayers struct {
		Path       string `json:"path"`
		Samples    string `json:"samples"`
		Shape      []int  `json:"shape"`
		Bits       int    `json:"bits"`
		Weight     bool   `json:"weight"`
		Activation bool   `json:"activation"`
	}
	ppqObserved struct {
		Samples string `json:"samples"`
		Bits    int    `json:"bits"`
		Signed  bool   `json:"signed"`
		Method  string `json:"method"`
	}
	ppqReply struct {
		Version  string
		Layers   []map[string]float64
		Observed []struct {
			Scale, NSR float64
			Error      string
		}
	}
)

// ppq compares each layer's noise, and what observers choose, with PPQ.
func ppq(ctx context.Context, out io.Writer, dir, models string) error {
	python, err := pythonWith("ppq-venv", "import ppq", ppqPackages)
	if err != nil {
		return err
	}
	studies, err := studied(models)
	if err != nil {
		return err
	}
	for i, s := range studies[1:] { // a softmax leaves noise to the few samples that are in doubt
		path, err := logits(filepath.Join(models, s.name+".onnx"), dir)
		if err != nil {
			return err
		}
		if studies[i+1].Study.Model, err = quantlib.Open(path); err != nil {
			return err
		}
	}
	var request struct {
		Layers   []ppqLayers   `json:"layers"`
		Observed []ppqObserved `json:"observed"`
	}
	type row struct {
		network string
		bits    int
		mode    string
		ours    []layerNoise
	}
	var rows []row
	for _, s := range studies {
		n, err := unshared(ctx, s, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, c := range []struct {
			bits int
			mode string
		}{{8, "weight"}, {8, "activation"}, {8, "both"}, {4, "both"}} {
			w, a := c.mode != "activation", c.mode != "weight"
			ours, err := n.noise(ctx, c.bits, w, a)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			rows = append(rows, row{s.name, c.bits, c.mode, ours})
			request.Layers = append(request.Layers, ppqLayers{n.path, n.samples, n.shape, c.bits, w, a})
		}
	}
	faults := faultCases(dir)
	for _, f := range faults {
		if err := os.WriteFile(f.Samples, tensor.Of(f.x, len(f.x)).Bytes(), 0o644); err != nil {
			return err
		}
		request.Observed = append(request.Observed, f.ppqObserved)
	}
	var reply ppqReply
	if err := askPPQ(python, dir, request, &reply); err != nil {
		return err
	}
	fmt.Fprintf(out, "PPQ %s: noise-to-signal power at the network's output, one layer quantized, %d samples\n", reply.Version, ppqSamples)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "network\tbits\tquantized\tlayer\tours\tPPQ\trelative difference")
	worst := 0.0
	for i, r := range rows {
		for _, l := range r.ours {
			theirs, ok := reply.Layers[i][l.layer]
			if !ok {
				return fmt.Errorf("PPQ has not measured %q", l.layer)
			}
			d := math.Abs(l.nsr-theirs) / theirs
			if l.nsr < noNoise && theirs < noNoise {
				d = 0
			}
			worst = max(worst, d)
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.5g\t%.5g\t%.2g\n", r.network, r.bits, r.mode, l.layer, l.nsr, theirs, d)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "largest relative difference: %.2g (limit %g)\n\n", worst, maxPPQ)
	if err := printFaults(out, faults, reply); err != nil {
		return err
	}
	if !(worst <= maxPPQ) {
		return fmt.Errorf("a layer's noise differs from PPQ's by %.2g of it: %w", worst, errParity)
	}
	return nil
}

// askPPQ runs the script.
func askPPQ(python, dir string, request, reply any) error {
	script, in, answer := filepath.Join(dir, "ppq_layers.py"), filepath.Join(dir, "request.json"), filepath.Join(dir, "reply.json")
	data, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(script, ppqScript, 0o644), os.WriteFile(in, data, 0o644)); err != nil {
		return err
	}
	if text, err := exec.Command(python, script, in, answer).CombinedOutput(); err != nil {
		return fmt.Errorf("PPQ: %w\n%s", err, text)
	}
	if data, err = os.ReadFile(answer); err != nil {
		return err
	}
	return json.Unmarshal(data, reply)
}

// ppqNetwork is a network in which no two layers share an activation, since PPQ
// quantizes what flows into one layer alone and we quantize the value: an Identity
// stands before each layer whose input others use.
type ppqNetwork struct {
	path    string
	samples string
	shape   []int
	in      qexec.Values
	session *qexec.Session
	stats   *calibrate.Stats
}

func unshared(ctx context.Context, s aStudy, dir string) (*ppqNetwork, error) {
	session, err := s.Model.Session()
	if err != nil {
		return nil, err
	}
	g := session.Graph()
	e := g.Edit()
	for _, node := range g.Nodes() {
		switch node.Op {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			if x := node.Inputs[0]; len(g.Consumers(x)) > 1 || g.IsOutput(x) {
				m := *node
				m.Inputs = append([]string{e.Fresh(x + "_alone")}, node.Inputs[1:]...)
				e.Replace(node, &graph.Node{Op: "Identity", Inputs: []string{x}, Outputs: m.Inputs[:1]}, &m)
			}
		}
	}
	if g, err = e.Graph(); err != nil {
		return nil, err
	}
	n := &ppqNetwork{path: filepath.Join(dir, s.name+"-ppq.onnx"), samples: filepath.Join(dir, s.name+"-ppq.bin")}
	if err := onnx.Save(n.path, g); err != nil {
		return nil, err
	}
	batch, err := s.Test.Batch(0, ppqSamples)
	if err != nil {
		return nil, err
	}
	x := batch[""]
	n.in, n.shape = qexec.Values{g.Inputs()[0].Name: x}, x.Shape()
	if err := os.WriteFile(n.samples, x.Bytes(), 0o644); err != nil {
		return nil, err
	}
	m, err := plan.Place(g)
	if err != nil {
		return nil, err
	}
	if n.session, err = qexec.New(g, qexec.Options{Visible: m.Activations()}); err != nil {
		return nil, err
	}
	n.stats, err = calibrate.Collect(ctx, n.session, m, n, calibrate.Config{})
	return n, err
}

// Len and Batch make the samples a data set.
func (n *ppqNetwork) Len() int { return n.shape[0] }

// Batch is samples lo..hi-1.
func (n *ppqNetwork) Batch(lo, hi int) (qexec.Values, error) {
	v := qexec.Values{}
	for name, t := range n.in {
		v[name] = t.Slice(lo, hi)
	}
	return v, nil
}

type layerNoise struct {
	layer string
	nsr   float64
}

// noise is the mean over samples of Σ(q-f)²/Σf² at the output, for each layer
// quantized alone: symmetric narrow weights for each channel, one asymmetric scale
// for the activation, all by the least and the greatest value.
func (n *ppqNetwork) noise(ctx context.Context, bits int, weight, activation bool) ([]layerNoise, error) {
	m := n.stats.Map()
	float, err := n.session.Keep(ctx, n.in)
	if err != nil {
		return nil, err
	}
	var list []layerNoise
	for i, l := range m.Layers {
		p := m.Float()
		if weight && l.Weight >= 0 {
			s := quant.Int(bits).PerChannel()
			s.Narrow = true
			p = p.WithTie(m.Quantizers[l.Weight].Tie, s)
		}
		for _, a := range l.Activations {
			if activation {
				p = p.WithTie(m.Quantizers[a].Tie, quant.Uint(bits))
			}
		}
		change, err := n.stats.Change(p, calibrate.Methods{Weight: observe.MinMax{}, Activation: observe.MinMax{}})
		if err != nil {
			return nil, err
		}
		v, err := n.session.With(change)
		if err != nil {
			return nil, err
		}
		out, _, err := v.Rerun(ctx, float)
		if err != nil {
			return nil, err
		}
		f, q := float.Output(0).F32(), out[0].F32()
		size, sum := len(f)/n.shape[0], 0.0
		for k := range n.shape[0] {
			sum += quant.NSR(f[k*size:(k+1)*size], q[k*size:(k+1)*size])
		}
		list = append(list, layerNoise{m.Layers[i].Name, sum / float64(n.shape[0])})
	}
	return list, nil
}

// A faultCase is a tensor, and a rule that both have, at a width.
type faultCase struct {
	ppqObserved
	name   string
	x      []float32
	method observe.Shared
	scheme quant.Scheme
}

// faultCases are where PPQ's rules fit 8 bits only: its divergence and its least
// squares, over all widths, on a Gaussian.
func faultCases(dir string) []faultCase {
	r := rand.New(rand.NewPCG(4, 2))
	x := make([]float32, 1<<16)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	var list []faultCase
	path := filepath.Join(dir, "gaussian.bin")
	for _, m := range []struct {
		name   string
		method observe.Shared
	}{{"mse", observe.MSE{}}, {"kl", observe.KL{}}} {
		for _, bits := range []int{2, 3, 4, 6, 8, 10, 11, 12, 14, 16} {
			s := quant.Int(bits)
			s.Narrow = true
			list = append(list, faultCase{ppqObserved{path, bits, true, m.name}, "symmetric " + m.name, x, m.method, s})
		}
	}
	return list
}

func printFaults(out io.Writer, faults []faultCase, reply ppqReply) error {
	fmt.Fprintln(out, "ranges chosen on a Gaussian: squared error as a multiple of the best that any scale leaves")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "rule\tbits\tours\tPPQ")
	for i, f := range faults {
		c := observe.NewCollector()
		c.Observe(f.x)
		scale, _, err := observe.Params(f.method, c, f.scheme)
		if err != nil {
			return err
		}
		best := bestNoise(f.x, f.scheme)
		theirs := reply.Observed[i].Error
		if theirs == "" {
			theirs = fmt.Sprintf("%.4g", reply.Observed[i].NSR/best)
		}
		fmt.Fprintf(w, "%s\t%d\t%.4g\t%s\n", f.name, f.Bits, noiseOf(f.x, scale, f.scheme)/best, theirs)
	}
	return w.Flush()
}

func noiseOf(x []float32, scale float32, s quant.Scheme) float64 {
	y := make([]float32, len(x))
	quant.FakeQuantize(y, x, scale, 0, s)
	return quant.NSR(x, y)
}

// bestNoise tries 400 scales up to that of the largest value, evenly spread over
// the logarithm.
func bestNoise(x []float32, s quant.Scheme) float64 {
	var most float64
	for _, v := range x {
		most = max(most, math.Abs(float64(v)))
	}
	best := math.Inf(1)
	for i := range 400 {
		best = min(best, noiseOf(x, float32(most/s.Max()*math.Pow(0.1, float64(i)/400)), s))
	}
	return best
}

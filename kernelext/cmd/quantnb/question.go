package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/samples"
	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

// demoName is the model that comes with the program.
const demoName = "demo"

// dataHelp explains where samples come from; every verb that takes a model
// prints it.
const dataHelp = `MODEL is an ONNX file, or "` + demoName + `" for the small trained network that comes with
this program, whose images then are the data unless -data says otherwise.

Samples (-data, and -test for accuracy) are one of:
  a folder    of PNG or JPEG pictures of exactly the network's size
  .npy        a NumPy array, samples along its first axis
  .npz        NumPy arrays, each named as an input; one may be "labels"
  IDX         as MNIST and Fashion-MNIST are published; may be .gz
  raw         elements and nothing else: .u8, .f32, or any name with -type
Bytes and pictures hold 0..255; -divide, -mean and -std say what the network
takes: (element/divide − mean)/std, by channel. Labels (-labels, -test-labels)
are an .npy or IDX file, a .txt file with a number on each line, or bytes.
-random N measures on seeded noise where there is no data; the figures then say
little about real inputs.`

// question is the flags that bind a model to data and say what to measure.
type question struct {
	data, labels, test, testLabels string
	calibration, testSamples       int
	random                         int
	seed                           uint64
	shape                          ints
	mean, std                      floats
	divide                         float64
	kind                           string
	bgr, noMemo                    bool
	bits                           ints
	samples                        int
	scorer, profile                string
	quiet                          bool
}

func ask(fs *flag.FlagSet) *question {
	q := &question{bits: ints{2, 4, 8}}
	fs.StringVar(&q.data, "data", "", "samples to calibrate and measure on: `file or folder`")
	fs.StringVar(&q.labels, "labels", "", "their classes: `file`")
	fs.StringVar(&q.test, "test", "", "samples to measure accuracy on: `file or folder` (default: those of -data)")
	fs.StringVar(&q.testLabels, "test-labels", "", "their classes: `file`")
	fs.IntVar(&q.calibration, "calibration", 512, "learn ranges from at most `n` samples")
	fs.IntVar(&q.testSamples, "test-samples", 2000, "measure accuracy on at most `n` samples")
	fs.IntVar(&q.random, "random", 0, "no data: measure on `n` samples of noise; tokens are drawn evenly")
	fs.Uint64Var(&q.seed, "seed", 1, "of the noise")
	fs.Var(&q.shape, "shape", "of one sample, where the model leaves it open: `3,224,224`")
	fs.StringVar(&q.kind, "type", "", "of the elements of a raw file: `uint8 or float32`")
	fs.Float64Var(&q.divide, "divide", 0, "elements are divided by `x`; needed for bytes and pictures")
	fs.Var(&q.mean, "mean", "then this is subtracted, by channel: `0.485,0.456,0.406`")
	fs.Var(&q.std, "std", "then this divides, by channel: `0.229,0.224,0.225`")
	fs.BoolVar(&q.bgr, "bgr", false, "the network takes pictures with blue first")
	fs.Var(&q.bits, "bits", "`widths` to measure, 1..16")
	fs.IntVar(&q.samples, "samples", 64, "measure noise on at most `n` samples")
	fs.StringVar(&q.scorer, "scorer", "exact", "how noise is found: `"+strings.Join(scorerNames(), ", ")+"`")
	fs.StringVar(&q.profile, "profile", "simulation", "device: `name` ("+strings.Join(profileNames(), ", ")+") or .json file")
	fs.BoolVar(&q.noMemo, "no-memo", false, "measure again what is stored from before")
	fs.BoolVar(&q.quiet, "quiet", false, "no progress on standard error")
	return q
}

// ints is a flag of whole numbers with commas between.
type ints []int

func (v *ints) String() string {
	parts := make([]string, len(*v))
	for i, n := range *v {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

// Set implements flag.Value.
func (v *ints) Set(text string) error {
	*v = nil
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("%q is not a whole number", part)
		}
		*v = append(*v, n)
	}
	return nil
}

// floats is a flag of numbers with commas between.
type floats []float32

func (v *floats) String() string {
	parts := make([]string, len(*v))
	for i, x := range *v {
		parts[i] = strconv.FormatFloat(float64(x), 'g', -1, 32)
	}
	return strings.Join(parts, ",")
}

// Set implements flag.Value.
func (v *floats) Set(text string) error {
	*v = nil
	for _, part := range strings.Split(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil || x != x || x-x != 0 {
			return fmt.Errorf("%q is not a number", part)
		}
		*v = append(*v, float32(x))
	}
	return nil
}

func profileNames() []string {
	var names []string
	for _, p := range hardware.Builtin() {
		names = append(names, p.Name)
	}
	return names
}

// profileOf is a built-in profile, or one that a .json file holds.
func profileOf(name string) (*hardware.Profile, error) {
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		return hardware.Open(name)
	}
	p, err := hardware.ByName(name)
	if err != nil {
		err = fmt.Errorf("%w; a file's name ends in .json", err)
	}
	return p, err
}

// usage is an error in how the command was called; the exit status is 2.
type usage string

func (u usage) Error() string { return string(u) }

// subject is a model bound to its data.
type subject struct {
	name               string // of the model, as the user gave it
	study              *quantlib.Study
	calibrated, tested *samples.Set // tested is nil where it is the calibration
	device             *hardware.Profile
}

// open reads what the flags name.
func (q *question) open(args []string) (*subject, error) {
	if len(args) != 1 {
		return nil, usage(fmt.Sprintf("needs one model, not %d arguments", len(args)))
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	s := &subject{name: args[0]}
	model, embedded, err := openModel(args[0])
	if err != nil {
		return nil, err
	}
	if s.device, err = profileOf(q.profile); err != nil {
		return nil, err
	}
	s.study = &quantlib.Study{Model: model, Samples: q.samples, NoMemo: q.noMemo, Profile: s.device}
	if s.study.Scorer, err = scorerOf(q.scorer); err != nil {
		return nil, err
	}
	if embedded && q.data == "" && q.random == 0 {
		s.calibrated, s.tested = demoSet(demo.Calibration(), "calibration images of Fashion-MNIST", q.calibration), demoSet(demo.Test(), "test images of Fashion-MNIST", q.testSamples)
	} else if err := q.read(s, model.Graph()); err != nil {
		return nil, err
	}
	s.study.Calibration = s.calibrated.Data()
	if s.tested != nil {
		s.study.Test = s.tested.Data()
	}
	return s, nil
}

func (q *question) check() error {
	for _, b := range q.bits {
		if b < 1 || b > 16 {
			return usage(fmt.Sprintf("-bits: %d; widths are 1..16", b))
		}
	}
	slices.Sort(q.bits)
	q.bits = slices.Compact(q.bits)
	switch {
	case q.data != "" && q.random != 0:
		return usage("-data and -random exclude each other")
	case q.random < 0 || q.samples < 1 || q.calibration < 1 || q.testSamples < 1:
		return usage("numbers of samples are 1 or more")
	case q.labels != "" && q.data == "", q.testLabels != "" && q.test == "":
		return usage("-labels needs -data, and -test-labels needs -test")
	case q.test != "" && q.data == "":
		return usage("-test needs -data to calibrate on")
	}
	_, err := scorerOf(q.scorer)
	return err
}

// openModel opens a file, or the embedded model. embedded says that it is that
// one, under whatever name.
func openModel(name string) (m *quantlib.Model, embedded bool, err error) {
	if name == demoName {
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			m, err := quantlib.Decode(demo.Model())
			return m, true, err
		}
	}
	if m, err = quantlib.Open(name); err != nil {
		return nil, false, err
	}
	if info, err := os.Stat(name); err == nil && info.Size() == int64(len(demo.Model())) {
		data, err := os.ReadFile(name)
		embedded = err == nil && bytes.Equal(data, demo.Model())
	}
	return m, embedded, nil
}

func demoSet(m demo.Images, source string, limit int) *samples.Set {
	n := min(m.N, limit)
	images := quantlib.Images{Input: "input", Pixels: m.Pixels[:n*m.C*m.H*m.W], Shape: []int{m.C, m.H, m.W}, Divide: 255, Labels: m.Labels[:n]}
	return samples.Of(images, source, n, true)
}

// read opens the data sets that the flags name.
func (q *question) read(s *subject, g *graph.Graph) (err error) {
	o := samples.Options{Shape: q.shape, Type: q.kind, Divide: float32(q.divide), Mean: q.mean, Std: q.std, BGR: q.bgr,
		Labels: q.labels, Classes: classes(g), Limit: q.calibration}
	if q.data == "" {
		if q.random == 0 {
			return usage("needs samples: -data, or -random 64 to measure on noise")
		}
		s.calibrated, err = samples.Random(q.random, q.seed, g.Inputs(), codes(g), samples.Options{Shape: q.shape})
		return err
	}
	if s.calibrated, err = samples.Open(q.data, g.Inputs(), o); err != nil {
		return err
	}
	o.Labels, o.Limit = q.testLabels, q.testSamples
	switch {
	case q.test != "":
		s.tested, err = samples.Open(q.test, g.Inputs(), o)
	case q.testSamples != q.calibration: // of the same file, another number
		o.Labels = q.labels
		s.tested, err = samples.Open(q.data, g.Inputs(), o)
		if err == nil && s.tested.Len() == s.calibrated.Len() {
			s.tested = nil
		}
	}
	return err
}

// classes is the number of classes that the network tells apart; 0 if it does
// not say.
func classes(g *graph.Graph) int {
	out := g.Outputs()[0]
	if n := len(out.Dims); n == 2 {
		return max(0, out.Dims[n-1].Size)
	}
	return 0
}

// progress writes how far each step is to standard error: one line for each on
// a terminal, and nothing but its name elsewhere.
func progress(std streams, quiet bool) func(what string, done, total int) {
	if quiet {
		return nil
	}
	var mu sync.Mutex
	var last time.Time
	shown := ""
	terminal := false
	if f, ok := std.err.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return func(what string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if !terminal {
			if what != shown {
				shown = what
				fmt.Fprintf(std.err, "%s: %d steps\n", what, total)
			}
			return
		}
		if now := time.Now(); done == total || now.Sub(last) > 100*time.Millisecond {
			last = now
			end := ""
			if done == total {
				end = "\n"
			}
			fmt.Fprintf(std.err, "\r\x1b[K%s: %d of %d%s", what, done, total, end)
		}
	}
}

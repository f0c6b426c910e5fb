package quantlib_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestEveryProfileMeasuresAGridAndACurve(t *testing.T) {
	notShort(t)
	for _, p := range hardware.Builtin() {
		t.Run(p.Name, func(t *testing.T) {
			if p.Name != "npu" {
				long(t, "measures a grid and a curve for each of five devices")
			}
			s := newStudy(t, 32, 64)
			s.Profile, s.Samples = p, 8
			ctx := t.Context()
			m, err := s.Map()
			if err != nil {
				t.Fatal(err)
			}
			if m.Profile.Name != p.Name {
				t.Fatalf("placed by the rules of %q", m.Profile.Name)
			}
			g, err := s.Grid(ctx)
			if err != nil {
				t.Fatal(err)
			}
			valid := 0
			for i, l := range m.Layers {
				for _, bits := range g.Widths {
					for _, mode := range []quantlib.Mode{quantlib.Weight, quantlib.Activation} {
						var ties []int
						if mode == quantlib.Weight && l.Weight >= 0 {
							ties = []int{m.Quantizers[l.Weight].Tie}
						} else if mode == quantlib.Activation {
							for _, a := range l.Activations {
								ties = append(ties, m.Quantizers[a].Tie)
							}
						}
						want := len(ties) > 0 && !slices.ContainsFunc(ties, func(k int) bool { _, ok := m.SchemeAt(k, bits); return !ok })
						c := g.At(l.Name, bits, mode)
						if c.Valid != want {
							t.Errorf("%s at %d bits, %v: valid %v, the device has it: %v", m.Layers[i].Name, bits, mode, c.Valid, want)
						}
						if c.Valid {
							valid++
						}
					}
				}
			}
			if valid == 0 {
				t.Error("no cell was measured")
			}
			c, err := s.Curve(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, bits := range c.Widths {
				if err := m.Check(bits, bits); err != nil {
					t.Error(err)
				}
			}
			if !slices.Contains(c.Widths, 8) {
				t.Errorf("widths %v; each of these devices has 8 bits", c.Widths)
			}
			choice, err := s.Choose(ctx, quantlib.Space{}, quantlib.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := choice.Plan.Check(); err != nil {
				t.Errorf("a plan was chosen that the device cannot run: %v", err)
			}
			if _, err := s.Evaluate(ctx, choice.Plan); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWidthsThatADeviceLacksAreNamed(t *testing.T) {
	s := newStudy(t, 8, 8)
	s.Profile = hardware.ORTCPU()
	_, err := s.Uniform(4, 8)
	for _, part := range []string{"ort-cpu", "stem/conv", "4 bits", "[8] and float32"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %q", err, part)
		}
	}
	for _, call := range []func() error{
		func() error { _, err := s.Curve(t.Context(), 4); return err },
		func() error { _, err := s.Raise(t.Context(), 4, 8, 1); return err },
		func() error { _, err := quantlib.Must(s.Uniform(8, 8)).With("stem/conv", 4, -1); return err },
		func() error {
			_, err := s.Choose(t.Context(), quantlib.Space{Weights: []int{4}, Activations: []int{8}}, quantlib.Limits{})
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "ort-cpu") || !strings.Contains(err.Error(), "[8]") {
			t.Errorf("%v names neither the profile nor what it has", err)
		}
	}
	float, err := s.Float()
	if err != nil || float.Check() != nil {
		t.Errorf("%v %v: this device computes in float32 too", err, float.Check())
	}
	s.Profile = hardware.NPU()
	float = quantlib.Must(s.Float())
	if err := float.Check(); err == nil || !strings.Contains(err.Error(), "npu") || !strings.Contains(err.Error(), "float") {
		t.Errorf("a device without float32: %v", err)
	}
}

func TestSimulationIsWhatAStudyWithoutProfileHas(t *testing.T) {
	var grids []*quantlib.Grid
	s := newStudy(t, 16, 16)
	s.Samples = 4
	for _, p := range []*quantlib.Profile{nil, hardware.Simulation()} {
		s.Profile = p
		g, err := s.Grid(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		grids = append(grids, g)
	}
	if grids[0].Map() != grids[1].Map() || !reflect.DeepEqual(grids[0].Cells, grids[1].Cells) {
		t.Error("the simulation's profile gives another grid than none")
	}
}

func TestEqualProfilesGiveOneModel(t *testing.T) {
	m := demoModel(t)
	p := hardware.NPU()
	a, err := m.For(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Ties = nil // the model keeps what the profile was
	b, err := m.For(hardware.NPU())
	if err != nil || a != b {
		t.Errorf("equal profiles give different models: %v", err)
	}
	c, err := b.For(p)
	if err != nil || c == a || len(quantlib.Must(c.Map()).Links) != 0 || len(quantlib.Must(a.Map()).Links) == 0 {
		t.Errorf("a profile without ties: %v", err)
	}
	if d, err := c.For(nil); err != nil || d != m {
		t.Errorf("no profile is not the model that was opened: %v", err)
	}
	if _, err := m.For(&hardware.Profile{Name: "bad", Memory: -1}); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a profile that makes no sense: %v", err)
	}
	s := newStudy(t, 4, 4)
	s.Profile = hardware.NPU()
	eight := quantlib.Must(s.Uniform(8, 8))
	s.Profile = hardware.MCU()
	if _, err := s.Evaluate(t.Context(), eight); err == nil || !strings.Contains(err.Error(), "profile") {
		t.Errorf("a plan for another device was measured: %v", err)
	}
}

func TestActivationsByChannelAreObservedWhenAPlanAsks(t *testing.T) {
	s := newStudy(t, 64, 64)
	four := quantlib.Must(s.Uniform(0, 4))
	m := quantlib.Must(s.Map())
	by := four
	for i, tie := range m.Ties {
		if tie.Role == plan.Activation {
			by = by.WithTie(i, quant.Uint(4).PerChannel())
		}
	}
	a, err := s.Evaluate(t.Context(), four)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Evaluate(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	gain := 1.0 // dB
	if quick() {
		gain = 0.5 // few samples fill fewer scales
	}
	if b.Noise.SQNR() < a.Noise.SQNR()+gain {
		t.Errorf("4-bit activations: %.1f dB with a scale for each channel, %.1f dB with one", b.Noise.SQNR(), a.Noise.SQNR())
	}
	fresh := newStudy(t, 64, 64)
	fresh.Model = s.Model
	probe, err := fresh.Probe(t.Context(), 64, by)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := probe.Evaluate(t.Context(), by); err != nil || c.Noise != b.Noise {
		t.Errorf("a probe that was told of it measures %v, %v; want %v", c, err, b)
	}
	t.Logf("4-bit activations: %.1f dB by channel, %.1f dB by tensor", b.Noise.SQNR(), a.Noise.SQNR())
}

// A device from a file decides where quantizers go, what they may be, and what
// must be alike.
func ExampleStudy_profileFile() {
	device, err := hardware.Open(filepath.Join("testdata", "device.json"))
	if err != nil {
		fmt.Println(err)
		return
	}
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: demoImages(demo.Calibration(), 64),
		Profile:     device,
		NoMemo:      true,
	}
	_, err = study.Uniform(4, 4)
	fmt.Println(err)
	p := quantlib.Must(study.Uniform(4, 8))
	a, err := study.Evaluate(context.Background(), p)
	fmt.Printf("%d bytes, %.0f dB, %v\n", p.Bytes(), a.Noise.SQNR(), err)
	fmt.Println(quantlib.Must(study.Explain("block1/pw", "block2/project")))
	// Output:
	// plan: layer stem/conv: the profile "my-chip" has no 4 bits for the activation input; its widths there are [8]
	// 24992 bytes, 13 dB, <nil>
	// the outputs of block1/pw and block2/project share a width: both feed block2/add
}

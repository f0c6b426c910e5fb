package quantlib_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestResultsAreFoundAgainUnderTheirContent(t *testing.T) {
	notShort(t)
	folder := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, folder)
	}
	ask := func(change func(*quantlib.Study)) (g *quantlib.Grid, a quantlib.Accuracy, measured bool) {
		t.Helper()
		s := newStudy(t, 24, 40)
		s.Samples, s.NoMemo = 8, false
		change(s)
		s.Progress = func(string, int, int) { measured = true }
		g, err := s.Grid(context.Background(), 4)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Uniform(4, 4)
		if err != nil {
			t.Fatal(err)
		}
		if a, err = s.Evaluate(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		return g, a, measured
	}
	same := func(*quantlib.Study) {}
	g, a, measured := ask(same)
	if !measured {
		t.Fatal("the first answer was not measured")
	}
	g2, a2, measured := ask(same)
	if measured {
		t.Error("the second answer was measured again")
	}
	sameCells(t, "measured and stored", g, g2)
	if a != a2 {
		t.Errorf("measured %+v, stored %+v", a, a2)
	}
	for name, change := range map[string]func(*quantlib.Study){
		"a pixel": func(s *quantlib.Study) {
			m := s.Calibration.(quantlib.Images)
			m.Pixels = bytes.Clone(m.Pixels)
			m.Pixels[400]++
			s.Calibration = m
		},
		"a label": func(s *quantlib.Study) {
			m := s.Test.(quantlib.Images)
			m.Labels = bytes.Clone(m.Labels)
			m.Labels[1]++
			s.Test = m
		},
		"the method":  func(s *quantlib.Study) { s.Methods.Activation = observe.MinMax{} },
		"the scaling": func(s *quantlib.Study) { m := s.Test.(quantlib.Images); m.Divide = 256; s.Test = m },
		"the profile": func(s *quantlib.Study) { s.Profile = hardware.NPU() },
		"a rule of the profile": func(s *quantlib.Study) {
			s.Profile = hardware.NPU()
			s.Profile.Biases = quant.Scheme{}
		},
		"the layers' outputs as a measure": func(s *quantlib.Study) { s.Methods.Weight = quantlib.LayerOutput{} },
		"a wish to measure":                func(s *quantlib.Study) { s.NoMemo = true },
	} {
		if _, _, measured := ask(change); !measured {
			t.Errorf("with %s changed, the old answer was given", name)
		}
	}
	// What is stored with LayerOutput is found again too, and the profile of the
	// simulation is none.
	for name, change := range map[string]func(*quantlib.Study){
		"the layers' outputs":    func(s *quantlib.Study) { s.Methods.Weight = quantlib.LayerOutput{} },
		"a profile":              func(s *quantlib.Study) { s.Profile = hardware.NPU() },
		"the simulation's rules": func(s *quantlib.Study) { s.Profile = hardware.Simulation() },
	} {
		if _, _, measured := ask(change); measured {
			t.Errorf("with %s, what was stored was measured again", name)
		}
	}
	// A damaged store costs time, not the result.
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.WriteFile(path, []byte("damaged"), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	g3, a3, measured := ask(same)
	if !measured {
		t.Error("an answer was read from damaged files")
	}
	sameCells(t, "before and after the damage", g, g3)
	if a != a3 {
		t.Errorf("measured %+v, after the damage %+v", a, a3)
	}
}

// Ranges of weights are looked up under the model's content: a plan of another
// study, with other samples, writes none where the schemes are the same.
func TestRangesOfWeightsAreStoredUnderTheModel(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("QUANTNB_MEMO", folder)
	stored := func() (bytes int64) {
		t.Helper()
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".series" {
				return err
			}
			info, err := d.Info()
			bytes += info.Size()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	ask := func(calibration, weight int, change func(*quantlib.Study)) quantlib.Accuracy {
		t.Helper()
		s := newStudy(t, calibration, 8)
		s.NoMemo = false
		change(s)
		a, err := s.Evaluate(t.Context(), quantlib.Must(s.Uniform(weight, 8)))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	without := ask(16, 4, func(s *quantlib.Study) { s.NoMemo = true })
	if n := stored(); n != 0 {
		t.Fatalf("NoMemo stores %d bytes", n)
	}
	if with := ask(16, 4, func(*quantlib.Study) {}); with != without {
		t.Errorf("%+v, without a store %+v", with, without)
	}
	one := stored()
	if one == 0 {
		t.Fatal("no ranges are stored")
	}
	ask(24, 4, func(*quantlib.Study) {})
	ask(24, 4, func(s *quantlib.Study) { s.Methods.Activation = quantlib.MinMax{} })
	if n := stored(); n != one {
		t.Errorf("other samples store %d bytes beside %d", n-one, one)
	}
	ask(16, 3, func(*quantlib.Study) {})
	if stored() == one {
		t.Error("another width stores nothing")
	}
}

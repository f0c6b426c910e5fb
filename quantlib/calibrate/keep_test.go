package calibrate

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// counting is observe.MSE that counts how often it is asked, under a key of its own.
type counting struct {
	observe.MSE
	asked *int
}

func (counting) Key() string    { return "counting" }
func (counting) String() string { return "counting" }
func (c counting) New(s quant.Scheme) observe.Observer {
	*c.asked++
	return c.MSE.New(s)
}
func (c counting) Range(x *observe.Collector, s quant.Scheme) (lo, hi float32, err error) {
	*c.asked++
	return c.MSE.Range(x, s)
}

// anonymous is counting without a key.
type anonymous struct{ counting }

func (anonymous) Key() string { return "" }

func TestKeptRangesAreFoundAgainWithTheirBits(t *testing.T) {
	g := joined(t)
	session, m := setup(t, g, hardware.Simulation(), 2)
	dir := t.TempDir()
	store, err := memo.Open(dir, memo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network, samples := memo.KeyOf("network"), memo.KeyOf("samples")
	collect := func(store *memo.Store, network, samples memo.Key) *Stats {
		t.Helper()
		st, err := Collect(context.Background(), session, m, noise(24), Config{})
		if err != nil {
			t.Fatal(err)
		}
		st.Keep(store, network, samples)
		return st
	}
	schemes := []quant.Scheme{quant.Int(4), quant.Int(3).PerChannel(), quant.Uint(5), quant.Int(1).PerChannel(), quant.Int(4).PerGroup(2)}
	ask := func(st *Stats, methods Methods) (list []quant.Params) {
		t.Helper()
		for i, q := range m.Quantizers {
			for _, s := range schemes {
				if q.Role == plan.Activation && s.Granularity != quant.PerTensor || q.Role == plan.Activation && s.Binary() {
					continue
				}
				p, err := st.Params(i, s, methods)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, p)
			}
		}
		return list
	}
	asked := 0
	own := Methods{Weight: counting{asked: &asked}, Activation: LayerOutput{Samples: 8}}
	for _, methods := range []Methods{{}, {Weight: LayerOutput{Samples: 8}, Activation: observe.MinMax{}}, own} {
		want := ask(collect(memo.Off, memo.Key{}, memo.Key{}), methods)
		if got := ask(collect(store, network, samples), methods); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: with an empty store %v, without %v", methods, got, want)
		}
		if got := ask(collect(store, network, samples), methods); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: from the store %v, without %v", methods, got, want)
		}
	}
	count := func(what string, st *Stats, methods Methods, again bool) {
		t.Helper()
		asked = 0
		ask(st, methods)
		if (asked > 0) != again {
			t.Errorf("%s: weights were searched %d times, want again: %v", what, asked, again)
		}
	}
	count("the same", collect(store, network, samples), own, false)
	count("other samples", collect(store, network, memo.KeyOf("others")), own, false)
	count("another network", collect(store, samples, samples), own, true)
	count("a network that is not known", collect(store, memo.Key{}, samples), own, true)
	nameless := Methods{Weight: anonymous{counting{asked: &asked}}}
	count("a rule without a key", collect(store, network, samples), nameless, true)
	count("a rule without a key, again", collect(store, network, samples), nameless, true)

	// Damage costs time, not the result.
	want := ask(collect(memo.Off, memo.Key{}, memo.Key{}), own)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := 64 + 40; i < len(data); i += 50 {
			data[i] ^= 0x55
		}
		return os.WriteFile(path, data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	st := collect(store, network, samples)
	count("damaged records", st, own, true)
	if got := ask(st, own); !reflect.DeepEqual(got, want) {
		t.Errorf("after damage %v, want %v", got, want)
	}
}

func TestRangeRecords(t *testing.T) {
	for _, p := range []quant.Params{{Scale: []float32{1, 0.5}}, {Scale: []float32{3}, Zero: []int32{-7}}, {Scale: []float32{}}} {
		b := encodeRange("a name", p)
		name, got, ok := decodeRange(b)
		if !ok || name != "a name" || !reflect.DeepEqual(got, p) {
			t.Errorf("%v came back as %q %v %v", p, name, got, ok)
		}
		for n := range b {
			if _, _, ok := decodeRange(b[:n]); ok {
				t.Errorf("%v cut to %d bytes is taken", p, n)
			}
		}
	}
}

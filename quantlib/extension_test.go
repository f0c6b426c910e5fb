package quantlib_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/observetest"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// reach is an observer as a user writes it: the extremes, and nothing else.
type reach struct {
	lo, hi float32
	any    bool
}

func (r *reach) Observe(x []float32) {
	for _, v := range x {
		if v-v == 0 { // finite
			r.lo, r.hi, r.any = min(r.lo, v), max(r.hi, v), true
		}
	}
}

func (r *reach) Range() (lo, hi float32, err error) {
	if !r.any {
		return 0, 0, observe.ErrNoData
	}
	return r.lo, r.hi, nil
}

func newReach(key string, count func()) observe.Method {
	return observe.Func(key, func(quant.Scheme) observe.Observer { count(); return &reach{} })
}

func TestAnObserverOfOnesOwnIsUsedForEachTensor(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	made := 0
	own := newReach("reach", func() { mu.Lock(); made++; mu.Unlock() })
	observetest.Run(t, own)
	made = 0
	params := func(m quantlib.Methods) *quantlib.QuantizedNetwork {
		study := newStudy(t, 48, 16)
		study.Methods = m
		return quantlib.Must(study.Quantized(ctx, quantlib.Must(study.Uniform(8, 8))))
	}
	want := params(quantlib.Methods{Weight: observe.MinMax{}, Activation: observe.MinMax{}})
	got := params(quantlib.Methods{Weight: own, Activation: own})
	observers := 0
	for i, q := range want.Plan.Map().Quantizers {
		if fmt.Sprint(got.Params[i]) != fmt.Sprint(want.Params[i]) {
			t.Errorf("%v %q: %v, want those of the extremes, %v", q.Role, q.Value, got.Params[i], want.Params[i])
		}
		if observers++; q.Role == plan.Weight {
			observers += len(want.Params[i].Scale) - 1
		}
	}
	if made != observers {
		t.Errorf("%d observers were made for %d granules of weights and activations", made, observers)
	}
	if got.Methods != `weights own "reach", activations own "reach"` {
		t.Errorf("the methods are called %s", got.Methods)
	}
	// The whole study runs with it.
	study := newStudy(t, 48, 32)
	study.Methods = quantlib.Methods{Activation: own}
	if g := quantlib.Must(study.Grid(ctx, 4)); len(g.Layers) == 0 {
		t.Error("an empty grid")
	}
	quantlib.Must(study.Evaluate(ctx, quantlib.Must(study.Uniform(4, 4))))
}

// keyless is a method that says nothing of when its rule changes.
type keyless struct{ observe.Method }

func (k keyless) Key() string { return "" }

func TestOnlyARuleWithAKeyOfItsOwnIsStored(t *testing.T) {
	t.Setenv("QUANTNB_MEMO", filepath.Join(t.TempDir(), "memo"))
	ask := func(m observe.Method) bool {
		study := newStudy(t, 16, 16)
		study.NoMemo = false
		study.Methods.Activation = m
		worked := false
		study.Progress = func(what string, _, _ int) { worked = worked || what != "calibrating" }
		quantlib.Must(study.Evaluate(context.Background(), quantlib.Must(study.Uniform(8, 8))))
		return worked
	}
	rule := func(key string) observe.Method { return newReach(key, func() {}) }
	for _, c := range []struct {
		name   string
		m      observe.Method
		worked bool
	}{
		{"a new rule", rule("reach 1"), true}, {"the same key", rule("reach 1"), false}, {"another key", rule("reach 2"), true},
		{"least squares", observe.MSE{}, true}, {"a rule that calls itself mse", rule("mse"), true},
		{"a rule without a key", keyless{rule("reach 3")}, true}, {"and again", keyless{rule("reach 3")}, true},
	} {
		if got := ask(c.m); got != c.worked {
			t.Errorf("%s: measured anew is %v, want %v", c.name, got, c.worked)
		}
	}
}

// broken is an observer without a range.
type broken struct{ reach }

func (*broken) Range() (lo, hi float32, err error) { return 1, -1, nil }

func TestAnObserverThatBreaksItsContractIsAnError(t *testing.T) {
	study := newStudy(t, 16, 16)
	study.Methods.Activation = observe.Func("broken", func(quant.Scheme) observe.Observer { return &broken{} })
	_, err := study.Evaluate(context.Background(), quantlib.Must(study.Uniform(8, 8)))
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "1..-1") {
		t.Errorf("error %v", err)
	}
	study.Methods.Activation = observe.Func("silent", func(quant.Scheme) observe.Observer { return &silent{} })
	if _, err := study.Evaluate(context.Background(), quantlib.Must(study.Uniform(8, 8))); !errors.Is(err, observe.ErrNoData) {
		t.Errorf("error %v", err)
	}
}

type silent struct{}

func (silent) Observe([]float32)                  {}
func (silent) Range() (lo, hi float32, err error) { return 0, 0, observe.ErrNoData }

// A program that registers a parser opens its files like any other; what is stored
// would not know when the parser changes, so nothing is.
func TestOpenTakesARegisteredFormat(t *testing.T) {
	format.RegisterParser(".prefixed", func(data []byte, dir string) (*graph.Graph, error) {
		rest, ok := bytes.CutPrefix(data, []byte("prefix:"))
		if !ok {
			return nil, errors.New("byte 0: no prefix")
		}
		return onnx.Decode(rest, dir)
	})
	t.Setenv("QUANTNB_MEMO", filepath.Join(t.TempDir(), "memo"))
	path := filepath.Join(t.TempDir(), "net.Prefixed")
	if err := os.WriteFile(path, append([]byte("prefix:"), demo.Model()...), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		worked := false
		study := newStudy(t, 16, 16)
		study.NoMemo = false
		study.Model = quantlib.Must(quantlib.Open(path))
		study.Progress = func(string, int, int) { worked = true }
		if a := quantlib.Must(study.Evaluate(context.Background(), quantlib.Must(study.Uniform(8, 8)))); a.Samples != samples(16) {
			t.Errorf("%v", a)
		}
		if !worked {
			t.Error("a stored result was taken")
		}
	}
	if err := os.WriteFile(path, demo.Model(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := quantlib.Open(path); err == nil || !strings.Contains(err.Error(), "net.Prefixed: byte 0") {
		t.Errorf("error %v", err)
	}
}

// Package observetest holds observers to the contract of observe.Observer.
//
//	func TestMine(t testing.TB) { observetest.Run(t, observe.Func("mine", newMine)) }
package observetest

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Schemes are what Run tries a method with: widths 1..16, symmetric and with a
// zero point.
func Schemes() []quant.Scheme {
	var s []quant.Scheme
	for _, b := range []int{1, 2, 4, 8, 12, 16} {
		s = append(s, quant.Int(b), quant.Uint(b))
	}
	return s
}

// Run tests that the observers which m makes
//
//   - fail with observe.ErrNoData before the first finite value;
//   - return finite lo <= 0 <= hi, also for zeros and constants;
//   - are not disturbed by NaN, infinities and empty batches;
//   - do not keep or change the slice they are given;
//   - give the same range to the bit for the same batches;
//   - do not narrow when every value doubles;
//   - use memory that does not grow with the number of values;
//   - where they are Numbered or Mergers, give the same range to the bit for
//     batches in any order and parts merged in any order.
func Run(t testing.TB, m observe.Method) {
	t.Helper()
	if m == nil {
		t.Fatalf("observetest: nil method")
	}
	if m.String() == "" {
		t.Errorf("the method has no name: String is the key under which its results are stored")
	}
	for _, s := range Schemes() {
		sub(t, s.String(), func(t testing.TB) { run(t, m, s) })
	}
	sub(t, "memory is bounded", func(t testing.TB) { memory(t, m.New(quant.Int(8))) })
}

// sub runs a part as a subtest where t has those.
func sub(t testing.TB, name string, f func(testing.TB)) {
	t.Helper()
	if tt, ok := t.(*testing.T); ok {
		tt.Run(name, func(t *testing.T) { f(t) })
		return
	}
	f(t)
}

func run(t testing.TB, m observe.Method, s quant.Scheme) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	batches := batches()

	o := m.New(s)
	if _, _, err := o.Range(); !errors.Is(err, observe.ErrNoData) {
		t.Errorf("before any value: error %v, want ErrNoData", err)
	}
	o.Observe(nil)
	o.Observe([]float32{nan, inf, -inf})
	if _, _, err := o.Range(); !errors.Is(err, observe.ErrNoData) {
		t.Errorf("after NaN and infinities alone: error %v, want ErrNoData", err)
	}

	for _, v := range []float32{0, 1, -1, 1e-30, 1e30} {
		o := m.New(s)
		o.Observe([]float32{v, v, v})
		check(t, o, "a constant")
	}

	plain := ranges(t, m, s, batches)
	if again := ranges(t, m, s, batches); again != plain {
		t.Errorf("the same batches give %v, then %v", plain, again)
	}

	// NaN and infinities among the values change nothing.
	var dirty [][]float32
	for _, b := range batches {
		d := append([]float32{nan}, b...)
		dirty = append(dirty, append(d, inf, -inf))
	}
	if got := ranges(t, m, s, dirty); got != plain {
		t.Errorf("NaN and infinities move the range from %v to %v", plain, got)
	}

	// The slice is the caller's.
	o = m.New(s)
	for _, b := range batches {
		x := append([]float32(nil), b...)
		o.Observe(x)
		for i := range x {
			if x[i] != b[i] {
				t.Fatalf("Observe changes its argument")
			}
			x[i] = 1e9
		}
	}
	if got := check(t, o, "batches"); got != plain {
		t.Errorf("reusing the slice moves the range from %v to %v", plain, got)
	}

	var twice [][]float32
	for _, b := range batches {
		d := append([]float32(nil), b...)
		for i := range d {
			d[i] *= 2
		}
		twice = append(twice, d)
	}
	if got := ranges(t, m, s, twice); got[0] > plain[0] || got[1] < plain[1] {
		t.Errorf("doubling the values narrows the range from %v to %v", plain, got)
	}
	orders(t, m, s, batches)
}

// orders tests Numbered and Merger.
func orders(t testing.TB, m observe.Method, s quant.Scheme, batches [][]float32) {
	inOrder, ok := m.New(s).(observe.Numbered)
	if !ok {
		return
	}
	for i, b := range batches {
		inOrder.ObserveBatch(i, b)
	}
	want := check(t, inOrder, "numbered batches")
	r := rand.New(rand.NewPCG(7, 7))
	for range 3 {
		o := m.New(s).(observe.Numbered)
		for _, i := range r.Perm(len(batches)) {
			cut := r.IntN(len(batches[i]) + 1)
			o.ObserveBatch(i, batches[i][cut:])
			o.ObserveBatch(i, batches[i][:cut])
		}
		if got := check(t, o, "shuffled batches"); got != want {
			t.Errorf("another order of the batches moves the range from %v to %v", want, got)
		}
	}
	if _, ok := inOrder.(observe.Merger); !ok {
		return
	}
	for range 3 {
		parts := make([]observe.Numbered, 4)
		for i := range parts {
			parts[i] = m.New(s).(observe.Numbered)
		}
		for _, i := range r.Perm(len(batches)) {
			parts[r.IntN(len(parts))].ObserveBatch(i, batches[i])
		}
		all := m.New(s).(observe.Merger)
		for _, i := range r.Perm(len(parts)) {
			if err := all.Merge(parts[i]); err != nil {
				t.Fatalf("Merge: %v", err)
			}
		}
		if got := check(t, all, "merged parts"); got != want {
			t.Errorf("merging parts moves the range from %v to %v", want, got)
		}
	}
}

// batches are Gaussian, with growing and shifted ones and an outlier.
func batches() [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]float32, 12)
	for i := range out {
		out[i] = make([]float32, 100+i*37)
		for j := range out[i] {
			out[i][j] = float32(r.NormFloat64()*(1+float64(i)/4) + 0.5)
		}
	}
	out[5][7] = 200
	return out
}

func ranges(t testing.TB, m observe.Method, s quant.Scheme, batches [][]float32) [2]float32 {
	t.Helper()
	o := m.New(s)
	for _, b := range batches {
		o.Observe(b)
	}
	return check(t, o, "batches")
}

// check returns the range of o after holding it to lo <= 0 <= hi.
func check(t testing.TB, o observe.Observer, what string) [2]float32 {
	t.Helper()
	lo, hi, err := o.Range()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !(lo <= 0 && 0 <= hi && lo >= -math.MaxFloat32 && hi <= math.MaxFloat32) {
		t.Fatalf("%s: range %v..%v is not finite with lo <= 0 <= hi", what, lo, hi)
	}
	return [2]float32{lo, hi}
}

// memory lets o see 16 MB in 1024 batches, of which it may keep 1 MB.
func memory(t testing.TB, o observe.Observer) {
	r := rand.New(rand.NewPCG(3, 3))
	x := make([]float32, 4096)
	feed := func(n int) uint64 {
		for range n {
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			o.Observe(x)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := feed(64)
	after := feed(1024)
	if _, _, err := o.Range(); err != nil {
		t.Fatalf("%v", err)
	}
	const limit = 1 << 20
	if after > before+limit {
		t.Errorf("16 MB of values grow the observer by %d bytes: stream instead of keeping them", after-before)
	}
}

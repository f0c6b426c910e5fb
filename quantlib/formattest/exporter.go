package formattest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// minSame is how near the re-opened network comes to the simulation, in dB: both
// do the same on the same numbers, up to the order of float32 sums, which leaves
// 120 dB, and seldom moves one of these few values across the edge of a code.
const minSame = 60.0

// Exporter writes a small network in many formats, among them what few file formats
// can express, and with hostile names, and tests that e
//
//   - writes 8 bits, with scales for each channel and with one;
//   - where it gives an error, has written nothing; says errors.ErrUnsupported, and
//     no control characters;
//   - writes the same bytes again, and leaves the network alone;
//   - hands on the error of a writer that fails, wherever it does;
//   - where p is not nil: that p reads what it writes, and finds inputs and outputs of
//     the same names, and a network that gives the simulation's outputs.
func Exporter(t testing.TB, e format.Exporter, p format.Parser) {
	t.Helper()
	list, err := samples()
	if err != nil {
		t.Fatalf("%v", err)
		return
	}
	for _, s := range list {
		export(t, e, p, s)
	}
}

// write calls e; a panic is reported.
func write(t testing.TB, e format.Exporter, what string, n *format.Network) (data []byte, err error) {
	t.Helper()
	var b bytes.Buffer
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: the exporter panics: %v", what, r)
			err = errors.ErrUnsupported
		}
	}()
	err = e(&b, n)
	return b.Bytes(), err
}

func export(t testing.TB, e format.Exporter, p format.Parser, s sample) {
	t.Helper()
	before, err := state(s)
	if err != nil {
		t.Errorf("%s: %v", s.name, err)
		return
	}
	data, err := write(t, e, s.name, s.Network)
	if after, _ := state(s); after != before {
		t.Errorf("%s: the exporter changes the network", s.name)
	}
	if err != nil {
		switch {
		case s.must:
			t.Errorf("%s: %v", s.name, err)
		case !errors.Is(err, errors.ErrUnsupported):
			t.Errorf("%s: the error does not wrap errors.ErrUnsupported: %v", s.name, err)
		}
		if len(data) > 0 {
			t.Errorf("%s: there is an error, but %d bytes have been written", s.name, len(data))
		}
		printable(t, s.name, err)
		return
	}
	if len(data) == 0 {
		t.Errorf("%s: nothing is written, and there is no error", s.name)
		return
	}
	if again, _ := write(t, e, s.name, s.Network); !bytes.Equal(again, data) {
		t.Errorf("%s: the second time it writes other bytes", s.name)
	}
	for _, room := range []int{0, 1, len(data) / 2, len(data) - 1} {
		w := &full{room: room}
		if err := e(w, s.Network); !errors.Is(err, errFull) {
			t.Errorf("%s: a writer that fails after %d of %d bytes gives the error %v, which does not wrap the writer's", s.name, room, len(data), err)
		}
	}
	if p != nil {
		if err := reopen(t, p, data, s); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// state is all that an exporter might change.
func state(s sample) (string, error) {
	g, err := fingerprint(s.Graph())
	return fmt.Sprintf("%q %v %v", g, s.Plan.Key(), s.Params), err
}

var errFull = errors.New("formattest: no room left")

// full is a writer with little room.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.room {
		n := f.room
		f.room = 0
		return n, errFull
	}
	f.room -= len(b)
	return len(b), nil
}

// reopen reads what was written and runs it.
func reopen(t testing.TB, p format.Parser, data []byte, s sample) error {
	t.Helper()
	g, err := parse(t, p, s.name, slices.Clone(data))
	if err != nil {
		return fmt.Errorf("what was written cannot be read: %w", err)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{{"inputs", len(g.Inputs()), len(s.Graph().Inputs())}, {"outputs", len(g.Outputs()), len(s.Graph().Outputs())}} {
		if c.got != c.want {
			return fmt.Errorf("read again it has %d %s, want %d", c.got, c.what, c.want)
		}
	}
	for i, v := range s.Graph().Inputs() {
		if got := g.Inputs()[i].Name; got != v.Name {
			return fmt.Errorf("input %q is read again as %q", v.Name, got)
		}
	}
	want, err := s.simulate()
	if err != nil {
		return err
	}
	session, err := exec.New(g, exec.Options{NoFuse: true})
	if err != nil {
		return fmt.Errorf("read again it does not run: %w", err)
	}
	out, err := session.Run(context.Background(), s.in)
	if err != nil {
		return fmt.Errorf("read again it does not run: %w", err)
	}
	for _, v := range s.Graph().Outputs() {
		got := out[v.Name]
		if got == nil {
			return fmt.Errorf("read again it has no output %q", v.Name)
		}
		if got.DType() != tensor.Float32 || !tensor.SameShape(got.Shape(), want[v.Name].Shape()) {
			return fmt.Errorf("output %q is %v, want %v", v.Name, got, want[v.Name])
		}
		if near := quant.SQNR(want[v.Name].F32(), got.F32()); !(near >= minSame) {
			return fmt.Errorf("output %q is %.1f dB from the simulation, want %v", v.Name, near, minSame)
		}
	}
	return nil
}

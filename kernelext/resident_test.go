package nb

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/kernelext/internal/resident"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)

// Where there is no process beside it, and where one does not answer, the cell
// measures by itself: the same, and in the second case with a note.
func TestResidentMeasuresInTheCellWhereThereIsNoHost(t *testing.T) {
	shape := []int{1, 28, 28}
	s := &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:16*784], Shape: shape, Divide: 255},
		Test:        q.Images{Pixels: demo.Test().Pixels[:16*784], Shape: shape, Divide: 255},
		NoMemo:      true,
	}
	ctx := t.Context()
	probe, plan := q.Must(s.Probe(ctx, 12)), q.Must(s.Uniform(4, 4))
	for _, c := range []struct {
		socket string
		why    error
		note   bool
	}{{"", resident.ErrNoHost, false}, {t.TempDir() + "/gone", nil, true}} {
		var out bytes.Buffer
		old := stdout
		stdout = func() io.Writer { return &out }
		t.Setenv(resident.SocketVariable, c.socket)
		r, err := Resident(ctx, s, 12)
		stdout = old
		if err != nil {
			t.Fatal(err)
		}
		if why := r.Why(); why == nil || c.why != nil && !errors.Is(why, c.why) {
			t.Errorf("socket %q: why is %v", c.socket, why)
		}
		if strings.Contains(out.String(), "Measured in the cell") != c.note {
			t.Errorf("socket %q: the reader is told %q", c.socket, out.String())
		}
		if r.Samples() != probe.Samples() || r.Bytes() != probe.Bytes() {
			t.Errorf("%d samples and %d bytes, want %d and %d", r.Samples(), r.Bytes(), probe.Samples(), probe.Bytes())
		}
		if got, want := q.Must(r.Evaluate(ctx, plan)), q.Must(probe.Evaluate(ctx, plan)); got != want {
			t.Errorf("Evaluate gives %v, want %v", got, want)
		}
		if got, want := q.Must(r.First(ctx, plan, 3)), q.Must(probe.First(ctx, plan, 3)); got != want {
			t.Errorf("First gives %v, want %v", got, want)
		}
		if got, want := q.Must(r.All(ctx, plan)), q.Must(probe.All(ctx, plan)); got != want {
			t.Errorf("All gives %v, want %v", got, want)
		}
		other := &q.Study{Model: q.Must(q.Decode(demo.Model())), Calibration: s.Calibration}
		if _, err := r.Evaluate(ctx, q.Must(other.Uniform(4, 4))); err == nil {
			t.Error("a plan of another study is measured")
		}
	}
	if _, err := Resident(ctx, nil, 1); err == nil {
		t.Error("no study, no error")
	}
}

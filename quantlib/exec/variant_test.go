package exec

import (
	"context"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// picky is a quantizer that panics.
type picky struct{}

func (picky) Quantize(dst, x []float32, shape []int) { panic("3 scales for 8 channels") }

func TestAQuantizerThatPanicsIsAnErrorThatNamesTheValue(t *testing.T) {
	s := session(t, Options{Visible: []string{"x", "b"}})
	kept, err := s.Keep(context.Background(), input(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "b"} {
		v, err := s.With(Change{Quantize: map[string]Quantizer{name: picky{}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err1 := v.Run(context.Background(), input(2))
		_, _, err2 := v.Rerun(context.Background(), kept)
		for _, err := range []error{err1, err2} {
			if err == nil || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), "3 scales for 8 channels") {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	// What was left behind does not disturb the next run.
	if got := run(t, s.Run, input(2)); !tensor.Equal(got, kept.Output(0)) {
		t.Error("the next run gives other values")
	}
}

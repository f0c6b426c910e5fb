package quantlib_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

func TestCostsFollowTheWidths(t *testing.T) {
	s := newStudy(t, 4, 4)
	cost := func(w, a int) quantlib.Costs {
		t.Helper()
		c, err := s.Costs(t.Context(), quantlib.Must(s.Uniform(w, a)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	float, eight, mixed := cost(0, 0), cost(8, 8), cost(4, 8)
	if float.MeanActivationBits != 32 || eight.MeanActivationBits != 8 || mixed.MeanActivationBits != 8 || mixed.MeanWeightBits != 4 {
		t.Errorf("mean widths: %v; %v; %v", float, eight, mixed)
	}
	if float.BOPs != 16*eight.BOPs || eight.BOPs != 2*mixed.BOPs || eight.BOPs <= 0 {
		t.Errorf("bit operations: %v; %v; %v", float, eight, mixed)
	}
	if float.Seconds != 0 || strings.Contains(float.String(), "ms") {
		t.Errorf("the simulation takes time: %v", float)
	}
	// One layer's input at 4 bits moves the mean by its share of the elements.
	p := quantlib.Must(quantlib.Must(s.Uniform(8, 8)).With("stem/conv", -1, 4))
	c, err := s.Costs(t.Context(), p)
	if err != nil || !(c.MeanActivationBits < 8 && c.MeanActivationBits > 7) {
		t.Errorf("one of many at 4 bits: %v, %v", c, err)
	}
	// 28·28 elements flow into the first layer.
	share := (8 - c.MeanActivationBits) / 4
	if total := 784 / share; math.Abs(total-math.Round(total)) > 1e-6*total {
		t.Errorf("the first layer's share %v is not 784 of a whole number", share)
	}
	s.Profile = hardware.NPU()
	slow, fast := cost(8, 8), cost(4, 4)
	if !(slow.Seconds > fast.Seconds && fast.Seconds > 0) {
		t.Errorf("%v; %v", slow, fast)
	}
	if c := cost(0, 0); c.Seconds != 0 {
		t.Errorf("float32 takes %v s on a device that does not compute it", c.Seconds)
	}
	if _, err := s.Costs(t.Context(), p); err == nil || !strings.Contains(err.Error(), "profile") {
		t.Errorf("a plan of another profile: %v", err)
	}
}

func ExampleStudy_Costs() {
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: demoImages(demo.Calibration(), 16),
		Profile:     hardware.NPU(),
		NoMemo:      true,
	}
	for _, bits := range []int{8, 4} {
		p := quantlib.Must(study.Uniform(bits, bits))
		fmt.Println(quantlib.Must(study.Costs(context.Background(), p)))
	}
	// Output:
	// 49984 bytes, 8.00 bits a weight, 8.00 bits an activation, 2.524e+08 BOPs, 0.2291 ms
	// 24992 bytes, 4.00 bits a weight, 4.00 bits an activation, 6.31e+07 BOPs, 0.2188 ms
}

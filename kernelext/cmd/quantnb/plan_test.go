package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestPlansAreMeasuredUnlessToldOtherwise(t *testing.T) {
	args := []string{"plan", "demo", "-bits", "2,4,8", "-mean-bits", "3", "-samples", "48", "-calibration", "64", "-test-samples", "200", "-quiet"}
	noise := func(more ...string) (float64, string) {
		status, out, stderr := quantnb(t, slices.Concat(args, more, []string{"-json"})...)
		if status != 0 {
			t.Fatalf("status %d\n%s%s", status, out, stderr)
		}
		var r struct {
			Plan struct {
				Why      string
				Measured struct{ SQNR float64 }
			}
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		return r.Plan.Measured.SQNR, r.Plan.Why
	}
	predicted, why := noise("-refine", "0")
	if !strings.Contains(why, "the least predicted noise") {
		t.Errorf("without measuring: %s", why)
	}
	measured, why := noise()
	if !strings.Contains(why, "the least noise of 24 plans measured") {
		t.Errorf("with measuring: %s", why)
	}
	if measured < predicted+1 {
		t.Errorf("measured on images not seen before, the plan has %.1f dB, the one chosen by prediction %.1f dB", measured, predicted)
	} else {
		t.Logf("%.1f dB, by prediction %.1f dB", measured, predicted)
	}
}

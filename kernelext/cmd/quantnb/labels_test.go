package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
)

// TestFloatNetworkStandsBesidePlans says what the network was worth before, and
// doubts labels which it guesses.
func TestFloatNetworkStandsBesidePlans(t *testing.T) {
	images := demo.Test()
	n := 64 * images.C * images.H * images.W
	model, pixels := filepath.Join(t.TempDir(), "model.onnx"), put(t, "images.u8", images.Pixels[:n])
	if err := os.WriteFile(model, demo.Model(), 0o644); err != nil {
		t.Fatal(err)
	}
	shuffled := slices.Clone(images.Labels[:64])
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	right := 0
	for i, l := range shuffled {
		if l == images.Labels[i] {
			right++
		}
	}
	if right > 12 {
		t.Fatalf("%d of the shuffled labels are right", right)
	}
	for _, tt := range []struct {
		name   string
		labels []uint8
		doubt  bool
	}{{"right labels", images.Labels[:64], false}, {"shuffled labels", shuffled, true}} {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			for _, l := range tt.labels {
				fmt.Fprintln(&text, l)
			}
			labels := put(t, "labels.txt", text.Bytes())
			for _, verb := range [][]string{{"analyse"}, {"plan", "-mean-bits", "6"}} {
				status, out, stderr := quantnb(t, slices.Concat(verb, []string{model, "-data", pixels, "-labels", labels, "-divide", "255", "-bits", "4,8"}, few, []string{"-test-samples", "64"})...)
				if status != 0 {
					t.Fatalf("status %d\n%s", status, stderr)
				}
				if strings.Contains(out, "as guessing does") != tt.doubt || strings.Count(out, "as guessing does") > 1 {
					t.Errorf("%s: want doubt of the labels once: %v\n%s", verb[0], tt.doubt, out)
				}
				if at := strings.Index(out, "this plan"); at < 0 || !strings.Contains(strings.SplitN(out[at:], "\n", 2)[0], "float32") {
					t.Errorf("%s: no column of the float network\n%s", verb[0], out)
				}
			}
		})
	}
}

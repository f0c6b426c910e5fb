package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// minTop1 is what the network was made to reach on the 10,000 test images, in
// percent.
const minTop1 = 92.0

func TestReferenceBelongsToTheEmbeddedFiles(t *testing.T) {
	data, err := os.ReadFile("reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Model           struct{ SHA256 string }
		Top1Of2000      float64     `json:"top1_2000"`
		Top1Of10000     float64     `json:"top1_10000"`
		Predictions2000 string      `json:"predictions_2000"`
		LogitsOfFirst16 [][]float32 `json:"logits_of_first_16"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(Model()); hex.EncodeToString(sum[:]) != r.Model.SHA256 {
		t.Errorf("measured on a model with SHA-256 %s, the embedded one has %x", r.Model.SHA256, sum)
	}
	if r.Top1Of10000 < minTop1 {
		t.Errorf("top-1 is %v %%, want %v %%", r.Top1Of10000, minTop1)
	}
	m := Test()
	if len(r.Predictions2000) != m.N {
		t.Fatalf("%d predictions for %d images", len(r.Predictions2000), m.N)
	}
	right := 0
	for i, label := range m.Labels {
		if r.Predictions2000[i] == '0'+label {
			right++
		}
	}
	if have := 100 * float64(right) / float64(m.N); math.Abs(have-r.Top1Of2000) > 1e-9 {
		t.Errorf("the predictions give a top-1 of %v %%, the file says %v %%", have, r.Top1Of2000)
	}
	if len(r.LogitsOfFirst16) != 16 {
		t.Fatalf("logits of %d images, want 16", len(r.LogitsOfFirst16))
	}
	for i, logits := range r.LogitsOfFirst16 {
		if len(logits) != len(Classes) {
			t.Fatalf("image %d: %d logits", i, len(logits))
		}
		best := 0
		for c, v := range logits {
			if v > logits[best] {
				best = c
			}
		}
		if byte('0'+best) != r.Predictions2000[i] {
			t.Errorf("image %d: the largest logit is %d, the prediction %c", i, best, r.Predictions2000[i])
		}
	}
}

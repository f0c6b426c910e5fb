package nb_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	nb "github.com/quantnb/quantnb/kernelext"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)

// Example is the README's.
func Example() {
	os.Setenv("QUANTNB_MEMO", "off")
	ctx := context.Background()
	path := q.Must(demo.ModelPath())
	shape := 28 * 28
	calibration := demo.Calibration().Pixels[:64*shape]
	test, labels := demo.Test().Pixels[:200*shape], demo.Test().Labels[:200]

	study := &q.Study{
		Model:       q.Must(q.Open(path)),
		Calibration: q.Images{Pixels: calibration, Shape: []int{1, 28, 28}, Divide: 255},
		Test:        q.Images{Pixels: test, Shape: []int{1, 28, 28}, Divide: 255, Labels: labels},
	}
	grid := q.Must(study.Grid(ctx))   // noise of each layer at each width, weights and activations apart
	worst := grid.Worst(4, q.Both)[0] // the layer that suffers most at 4 bits
	plan := q.Must(q.Must(study.Uniform(4, 4)).With(worst, 8, 8))
	fmt.Println(worst, "at 8 bits, the rest at 4:", q.Must(study.Evaluate(ctx, plan)))
	nb.SNRBars(grid, 4)
	// Output:
	// block1/dw at 8 bits, the rest at 4: top-1 92.00 % ± 1.92, SQNR 9.8 dB, agreement with float 94.00 %, 200 samples
	// Noise at the output when one layer runs at 4 bits
	// 64 samples, weights mse, activations mse; higher is better
	// layer            weight dB     ±  activation dB     ±
	// block1/dw             21.3  1.03           18.6  0.50
	// stem/conv             19.6  0.56           20.6  0.70
	// block4/pw             19.6  0.31           28.4  0.38
	// block1/pw             23.5  0.75           20.5  0.69
	// block3/pw             21.6  0.44           27.0  0.41
	// block2/dw             25.0  0.34           26.7  0.61
	// branch/a              32.4  0.42           26.8  0.41
	// branch/b_reduce       33.5  0.38           26.8  0.41
	// block4/dw             28.2  0.32           27.1  0.40
	// head/fc               27.1  0.22           28.9  0.81
	// block2/project        29.5  0.45           28.5  0.53
	// branch/b              28.6  0.33           31.3  0.46
	// block3/dw             28.8  0.31           30.8  0.43
	// head/conv             28.9  0.22           32.3  0.56
	// block2/expand         32.4  0.47           29.9  0.59
	// se/expand             33.1  0.37           31.6  0.69
	// se/reduce             39.0  0.61           38.9  2.26
}

// The README's Go snippets must stand, line by line, in this file, where they
// are compiled and run.
func TestReadmeSnippetsAreCompiled(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no Go snippet")
	}
	for _, s := range snippets {
		var b strings.Builder
		for line := range strings.Lines(string(s[1])) {
			b.WriteString("\t" + line)
		}
		if !strings.Contains(string(source), b.String()) {
			t.Errorf("this snippet of the README is not in readme_test.go:\n%s", s[1])
		}
	}
}

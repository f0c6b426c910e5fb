//go:build unix

package nets

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/onnx"
)

// processor is the time that the process has used of its processors.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFirstRun opens ResNet-50, a file of 102 MB, and runs it on one thread:
// the first run reads the weights from the mapped file and packs them. All times
// are of the processor, and medians.
func BenchmarkFirstRun(b *testing.B) {
	g, err := All[1].Build(1)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "resnet50.onnx")
	if err := onnx.Save(path, g); err != nil {
		b.Fatal(err)
	}
	in := All[1].Input(1, 1)
	var open, first, next []float64
	for b.Loop() {
		runtime.GC()
		t0 := processor(b)
		g, err := onnx.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s, err := exec.New(g, exec.Options{Threads: 1})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Memory(context.Background(), map[string][]int{inputName: in[inputName].Shape()}); err != nil {
			b.Fatal(err)
		}
		t2 := processor(b)
		for i := range 3 {
			start := processor(b)
			if _, err := s.Run(context.Background(), in); err != nil {
				b.Fatal(err)
			}
			ms := (processor(b) - start).Seconds() * 1e3
			if i == 0 {
				first = append(first, ms)
			} else {
				next = append(next, ms)
			}
		}
		open = append(open, (t2-t0).Seconds()*1e3)
	}
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(median(open), "ms/open-and-shapes")
	b.ReportMetric(median(first), "ms/first")
	b.ReportMetric(median(next), "ms/next")
	b.ReportMetric(median(first)-median(next), "ms/packing")
}

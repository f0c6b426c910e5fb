package f32

import (
	"os"
	"testing"
)

func TestISAByName(t *testing.T) {
	all := []level{portable, avx2, avx512}
	for _, r := range []struct {
		name   string
		levels []level
		want   level
	}{
		{"", all, avx512},
		{"avx512", all, avx512},
		{"avx2", all, avx2},
		{"go", all, portable},
		{"avx512", all[:2], avx2},
		{"avx2", all[:1], portable},
		{"neon", all, portable},
		{"neon", []level{portable, neon}, neon},
		{"avx512", []level{portable, neon}, neon},
		{"nonsense", all[:2], avx2},
	} {
		if got := choose(r.name, r.levels); got != r.want {
			t.Errorf("%q of %v: %v, want %v", r.name, r.levels, got, r.want)
		}
	}
}

func TestKernelsWithoutFault(t *testing.T) {
	levels := available()
	if best := levels[len(levels)-1]; best == avx512 && chosen < best && os.Getenv("QUANTNB_ISA") == "" {
		defer use(chosen)
		use(best)
	}
	if name := faulty(); name != "" {
		t.Errorf("%s differs", name)
	}
}

func BenchmarkFaulty(b *testing.B) {
	for b.Loop() {
		faulty()
	}
}

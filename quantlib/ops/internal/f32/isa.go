package f32

import "os"

// level is a set of kernels; where several are there, the greatest is best.
type level uint8

const (
	portable level = iota // the twins
	neon
	avx2 // and FMA
	avx512
)

func (l level) String() string { return [...]string{"go", "neon", "avx2", "avx512"}[l] }

var (
	chosen   level // in use
	assembly bool  // there are kernels, or else only twins
	wide     bool  // there are some for AVX-512
)

func init() {
	levels := available()
	use(choose(os.Getenv("QUANTNB_ISA"), levels))
	if wide && faulty() != "" {
		use(choose(avx2.String(), levels))
	}
}

// use changes the level.
func use(l level) { chosen, assembly, wide = l, l != portable, l == avx512 }

// choose returns the best level of those that are there, in ascending order,
// or, if another is asked for by name, the best that is not above it.
func choose(name string, levels []level) level {
	best := levels[len(levels)-1]
	for l := portable; l <= avx512; l++ {
		if l.String() != name {
			continue
		}
		best = portable
		for _, a := range levels {
			if a <= l {
				best = a
			}
		}
	}
	return best
}

// ISA returns the name of the kernels in use: avx512, avx2, neon, or go.
func ISA() string { return chosen.String() }

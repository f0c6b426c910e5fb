package alloc

import (
	"cmp"
	"slices"
	"sort"
)

// dominateWindow is how many kept partial choices a new one is compared with
// where there are three or more limits. It bounds the time; a dominated partial
// choice that slips through costs time, not correctness.
const dominateWindow = 96

// dominate removes partial choices for which another one is no worse in the
// objective and in every cost. Of equal ones the first stays.
func (l *level) dominate(m int) {
	order := make([]int, len(l.o))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := cmp.Compare(l.o[a], l.o[b]); d != 0 {
			return d
		}
		return slices.Compare(l.c[a*m:(a+1)*m], l.c[b*m:(b+1)*m])
	})
	drop := make([]bool, len(l.o))
	switch m {
	case 1:
		least := 2.0
		for _, i := range order {
			drop[i] = l.c[i] >= least
			least = min(least, l.c[i])
		}
	case 2:
		// The staircase of kept costs: first cost ascending, second descending.
		var stair [][2]float64
		for _, i := range order {
			a, b := l.c[2*i], l.c[2*i+1]
			at := sort.Search(len(stair), func(q int) bool { return stair[q][0] > a })
			if at > 0 && stair[at-1][1] <= b {
				drop[i] = true
				continue
			}
			lo, hi := at, at
			if lo > 0 && stair[lo-1][0] == a {
				lo--
			}
			for hi < len(stair) && stair[hi][1] >= b {
				hi++
			}
			stair = slices.Replace(stair, lo, hi, [2]float64{a, b})
		}
	default:
		var kept []int
	next:
		for _, i := range order {
			c := l.c[i*m : (i+1)*m]
			for q := len(kept) - 1; q >= max(0, len(kept)-dominateWindow); q-- {
				if noMore(l.c[kept[q]*m:(kept[q]+1)*m], c) {
					drop[i] = true
					continue next
				}
			}
			kept = append(kept, i)
		}
	}
	l.filter(m, func(i int) bool { return !drop[i] })
}

// noMore reports whether a is nowhere above b.
func noMore(a, b []float64) bool {
	for k := range a {
		if a[k] > b[k] {
			return false
		}
	}
	return true
}

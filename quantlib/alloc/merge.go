package alloc

// mergeRuns merges runs of a list, each sorted and ending where ends says, in pairs until
// one is left; of a and b, a stays first where first says so. spare is room that may be
// used. It returns the merged list and what is spare then; ends is overwritten.
func mergeRuns[T any](list, spare []T, ends []int, first func(a, b *T) bool) (merged, rest []T) {
	for len(ends) > 1 {
		out := spare[:0]
		from, n := 0, 0
		for r := 0; r < len(ends); r += 2 {
			x := list[from:ends[r]]
			from = ends[r]
			var y []T
			if r+1 < len(ends) {
				y = list[from:ends[r+1]]
				from = ends[r+1]
			}
			for len(x) > 0 && len(y) > 0 {
				if first(&x[0], &y[0]) {
					out, x = append(out, x[0]), x[1:]
				} else {
					out, y = append(out, y[0]), y[1:]
				}
			}
			out = append(append(out, x...), y...)
			ends[n] = len(out)
			n++
		}
		ends = ends[:n]
		list, spare = out, list
	}
	return list, spare
}

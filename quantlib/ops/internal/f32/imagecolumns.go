//go:build !noasm && (amd64 || arm64)

package f32

// at is where column j begins, before what its row adds.
func (c *columns) at(j int) int { return j/c.p.ow*c.p.wq + j%c.p.ow }

// direct reports whether the sixteen columns from j on are two runs of eight.
func (c *columns) direct(j, end int) bool {
	if c.packed {
		return false
	}
	if c.p.wq == c.p.ow {
		return j+NR <= end
	}
	return j+NR <= end && j%c.p.ow+8 <= c.p.ow && (j+8)%c.p.ow+8 <= c.p.ow
}

// segment is the end of the run of panels of one kind that begins at j.
func (c *columns) segment(j, end int) (int, bool) {
	kind := c.direct(j, end)
	for j += NR; j < end && c.direct(j, end) == kind; j += NR {
	}
	return min(j, end), kind
}

// pays reports whether m rows are better multiplied with the first n columns
// where these lie: packing costs as much as three rows of a product, but rows of
// columns that do not begin with a cache line take two.
func (c *columns) pays(m, n int) bool {
	if m > mc && c.p.wq == c.p.ow && c.each%16 != 0 {
		return false
	}
	count := 0
	for j := 0; j < n; j += NR {
		if c.direct(j, n) {
			count++
		}
	}
	return 2*NR*count >= n
}

// offsets stores where rows k0… lie.
func (c *columns) offsets(off []int32, k0 int) {
	n := len(c.p.off)
	ch, t := k0/n, k0%n
	for l := range off {
		off[l] = int32(ch*c.each) + c.p.off[t]
		if t++; t == n {
			ch, t = ch+1, 0
		}
	}
}

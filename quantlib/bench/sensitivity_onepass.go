package main

import "github.com/quantnb/quantnb/quantlib/sense"

// estimate is a scorer that answers for all widths at once.
type estimate struct {
	name   string
	scorer sense.Scorer
}

// onePass is the scorers that are measured at 16 widths.
func onePass() []estimate {
	return []estimate{{"one pass", sense.OnePass{}}, {"two probes", sense.OnePass{Probes: 2}}}
}

package alloc

import "math"

// upper turns the choice that is smallest at multipliers λ into one that meets
// the budgets, and improves it by exchanges of single candidates. It returns
// indices into in.o, or ok false where the repair got stuck; that proves
// nothing. Budgets are 1 (a scaled instance).
func (in *instance) upper(lambda []float64) (choice []int, value float64, ok bool) {
	m, n := in.m, in.items()
	choice = make([]int, n)
	used := make([]float64, m)
	for i := range choice {
		best := math.Inf(1)
		for j := in.off[i]; j < in.off[i+1]; j++ {
			r := in.o[j]
			for k, l := range lambda {
				r += l * in.c[j*m+k]
			}
			if r < best {
				best, choice[i] = r, j
			}
		}
		for k := range used {
			used[k] += in.c[choice[i]*m+k]
		}
	}
	if !in.repair(choice, used) {
		return nil, 0, false
	}
	in.descend(choice, used)
	for _, j := range choice {
		value += in.o[j]
	}
	return choice, value, true
}

// repair exchanges single candidates until no budget is exceeded, each time the
// one with the least objective per violation removed.
func (in *instance) repair(choice []int, used []float64) bool {
	m := in.m
	violation := func(j, from int) float64 {
		v := 0.0
		for k := range used {
			u := used[k]
			if j != from {
				u += in.c[j*m+k] - in.c[from*m+k]
			}
			v += max(0, u-1)
		}
		return v
	}
	for steps := 0; ; steps++ {
		now := violation(choice[0], choice[0])
		if now == 0 {
			return true
		}
		if steps > len(in.o) {
			return false
		}
		item, to, best := -1, 0, math.Inf(1)
		for i, from := range choice {
			for j := in.off[i]; j < in.off[i+1]; j++ {
				gain := now - violation(j, from)
				if j == from || gain <= 0 {
					continue
				}
				if r := (in.o[j] - in.o[from] + fixedPoint) / gain; r < best {
					item, to, best = i, j, r
				}
			}
		}
		if item < 0 {
			return false
		}
		in.exchange(choice, used, item, to)
	}
}

func (in *instance) exchange(choice []int, used []float64, item, to int) {
	m := in.m
	for k := range used {
		used[k] += in.c[to*m+k] - in.c[choice[item]*m+k]
	}
	choice[item] = to
}

// descend makes the single exchange that lowers the objective most while the
// budgets hold, until there is none.
func (in *instance) descend(choice []int, used []float64) {
	m := in.m
	for {
		item, to, best := -1, 0, 0.0
		for i, from := range choice {
		candidates:
			for j := in.off[i]; j < in.off[i+1]; j++ {
				d := in.o[j] - in.o[from]
				if d >= best {
					continue
				}
				for k := range used {
					if used[k]+in.c[j*m+k]-in.c[from*m+k] > 1 {
						continue candidates
					}
				}
				item, to, best = i, j, d
			}
		}
		if item < 0 {
			return
		}
		in.exchange(choice, used, item, to)
	}
}

package alloc

import "math"

const (
	maxPivots = 200 // per re-optimisation
	pivotEps  = 1e-11
)

// master is the restricted master problem, by the revised simplex method with an
// explicit inverse: it has m+1 rows, and m is small. Variables are numbered:
// columns from 0; -1-k is the slack of row k; -1-m-k is its artificial.
type master struct {
	m      int
	column []column
	basis  []int
	x      []float64   // values of the basis
	inv    [][]float64 // inverse of the basis
}

func newMaster(m int) *master { return &master{m: m} }

func (ms *master) add(x column) { ms.column = append(ms.column, x) }

func (ms *master) columns() int { return len(ms.column) }

// begin sets the basis from the column that violates the budgets least, with
// slacks where it keeps them and artificials where it does not.
func (ms *master) begin() {
	m := ms.m
	first, least := 0, math.Inf(1)
	for q := range ms.column {
		worst := 0.0
		for _, v := range ms.column[q].g {
			worst += max(0, v)
		}
		if worst < least {
			first, least = q, worst
		}
	}
	ms.basis = make([]int, m+1)
	ms.x = make([]float64, m+1)
	ms.inv = make([][]float64, m+1)
	for r := range ms.inv {
		ms.inv[r] = make([]float64, m+1)
	}
	// The basis matrix is diag(±1) with the column g in the last position:
	// row k reads ±v_k + g_k·x = 0, the last row reads x = 1.
	ms.basis[m], ms.x[m], ms.inv[m][m] = first, 1, 1
	for k, v := range ms.column[first].g {
		if v > 0 {
			ms.basis[k], ms.x[k] = -1-m-k, v
			ms.inv[k][k], ms.inv[k][m] = -1, v
		} else {
			ms.basis[k], ms.x[k] = -1-k, -v
			ms.inv[k][k], ms.inv[k][m] = 1, -v
		}
	}
}

// infeasible reports whether an artificial is in use.
func (ms *master) infeasible() bool {
	for r, b := range ms.basis {
		if b < -ms.m && ms.x[r] > pivotEps {
			return true
		}
	}
	return false
}

// cost of a basic variable; in the second phase what is left of an artificial
// must stay at zero and is made dear.
func (ms *master) cost(v int, first bool) float64 {
	switch {
	case v < -ms.m && first:
		return 1
	case v < -ms.m:
		return 1e6
	case v < 0 || first:
		return 0
	}
	return ms.column[v].o
}

// optimise runs the simplex method over the columns known so far and returns the
// multipliers and the value: in the first phase the sum of violations, in the
// second the objective.
func (ms *master) optimise(first bool) (lambda []float64, value float64) {
	m := ms.m
	y := make([]float64, m+1)
	d := make([]float64, m+1)
	for pivot := 0; ; pivot++ {
		for c := range y {
			y[c] = 0
			for r, b := range ms.basis {
				y[c] += ms.cost(b, first) * ms.inv[r][c]
			}
		}
		// The most negative reduced cost enters; late in a long run the first one,
		// which cannot cycle.
		enter, least, found := 0, -pivotEps, false
		consider := func(v int, reduced float64) {
			if reduced < least {
				enter, found = v, true
				if pivot < maxPivots/2 {
					least = reduced
				} else {
					least = math.Inf(-1)
				}
			}
		}
		for k := range m {
			consider(-1-k, -y[k])
		}
		for q := range ms.column {
			x := &ms.column[q]
			r := -y[m]
			if !first {
				r += x.o
			}
			for k, v := range x.g {
				r -= y[k] * v
			}
			consider(q, r)
		}
		if !found || pivot >= maxPivots {
			break
		}
		for r := range d {
			if enter < 0 {
				d[r] = ms.inv[r][-1-enter]
				continue
			}
			d[r] = ms.inv[r][m]
			for k, v := range ms.column[enter].g {
				d[r] += ms.inv[r][k] * v
			}
		}
		leave, ratio := -1, math.Inf(1)
		for r, v := range d {
			if v <= pivotEps {
				continue
			}
			q := ms.x[r] / v
			if q < ratio-pivotEps || (q <= ratio+pivotEps && leave >= 0 && ms.basis[r] < ms.basis[leave]) {
				leave, ratio = r, q
			}
		}
		if leave < 0 {
			break // cannot happen: the mixture is bounded
		}
		ms.pivot(leave, enter, d)
	}
	lambda = make([]float64, m)
	for k := range lambda {
		lambda[k] = max(0, -y[k])
	}
	for r, b := range ms.basis {
		value += ms.cost(b, first) * ms.x[r]
	}
	return lambda, value
}

// pivot replaces the basic variable of row leave.
func (ms *master) pivot(leave, enter int, d []float64) {
	row := ms.inv[leave]
	for c := range row {
		row[c] /= d[leave]
	}
	ms.x[leave] = max(0, ms.x[leave]/d[leave])
	for r := range ms.inv {
		if r == leave || d[r] == 0 {
			continue
		}
		for c := range row {
			ms.inv[r][c] -= d[r] * row[c]
		}
		ms.x[r] = max(0, ms.x[r]-d[r]*ms.x[leave])
	}
	ms.basis[leave] = enter
}

package sense

import (
	"errors"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/plan"
)

// How far a correction trusts what it starts from and what was measured, in
// natural logarithms of noise.
const (
	tieSpread    = 0.5  // of the factors of ties: 2.2 dB
	commonSpread = 2.0  // of the factor that all share
	measureError = 0.05 // of a measured plan: 0.2 dB
	fitSteps     = 25
)

// Correct is the table with its predictions corrected by plans that were
// measured, with all of each quantized at once: the noise of every tie is
// multiplied by a factor,
//
//	noise(plan) = f0 · Σ over groups of noise(group), with tie t's share times f_t
//
// where f0 and f_t make
//
//	Σ over points of (ln measured − ln predicted)²/0.05² + Σ over ties of ln²f_t/0.5² + ln²f0/2²
//
// least. So a tie's noise moves away from what was measured of the tie alone only
// as far as plans demand it: where the noise of several tensors does not add up in
// power, the ties that meet in noisy plans learn it. Table.Predict, Choose,
// Frontier and TargetNoise of the corrected table use the factors. Points without
// noise, or of another network, are left out; none left is an error.
func (t *Table) Correct(points []CheckedPlan) (*Table, error) {
	plain := *t
	plain.factor = nil
	var shares [][]float64 // by point, then tie: predicted noise without factors
	var target []float64
	for _, p := range points {
		if p.Plan.Map() != t.m || !(p.Measured.Mean > 0) || math.IsInf(p.Measured.Mean, 0) {
			continue
		}
		s, err := plain.shares(p.Plan)
		if err != nil {
			return nil, err
		}
		if sum(s) > 0 {
			shares, target = append(shares, s), append(target, math.Log(p.Measured.Mean))
		}
	}
	if len(shares) == 0 {
		return nil, errors.New("sense: no measured plan has noise to correct predictions by")
	}
	theta := fit(shares, target)
	on := *t
	on.factor = make([]float64, len(t.m.Ties))
	for i := range on.factor {
		on.factor[i] = math.Exp(theta[i] + theta[len(theta)-1])
	}
	return &on, nil
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// shares is what each tie adds to the predicted noise of a plan. What a layer
// measured with both operands is shared out as the ties measured alone.
func (t *Table) shares(p plan.Plan) ([]float64, error) {
	bits, err := t.widths(p)
	if err != nil {
		return nil, err
	}
	list := make([]float64, len(t.m.Ties))
	at := func(tie int) int { return bits[tie] }
	for i := range t.groups {
		g := &t.groups[i]
		total, alone := t.noise(g, at).Mean, 0.0
		ties := slices.Concat(g.weights, g.acts)
		for _, tie := range ties {
			alone += t.tieNoise(tie, bits[tie]).Mean
		}
		for _, tie := range ties {
			if alone > 0 {
				list[tie] = total * t.tieNoise(tie, bits[tie]).Mean / alone
			}
		}
	}
	return list, nil
}

// fit finds the logarithms of the factors, the common one last, by Gauss-Newton
// steps from 0, each halved until the sum falls.
func fit(shares [][]float64, target []float64) []float64 {
	n := len(shares[0])
	theta := make([]float64, n+1)
	weight := 1 / (measureError * measureError)
	prior := make([]float64, n+1)
	for i := range prior {
		prior[i] = 1 / (tieSpread * tieSpread)
	}
	prior[n] = 1 / (commonSpread * commonSpread)
	// residual is ln predicted − ln measured; row its derivative.
	residual := func(theta []float64, p int, row []float64) float64 {
		total := 0.0
		for i, s := range shares[p] {
			v := s * math.Exp(theta[i])
			total += v
			if row != nil {
				row[i] = v
			}
		}
		if row != nil {
			for i := range n {
				row[i] /= total
			}
			row[n] = 1
		}
		return math.Log(total) + theta[n] - target[p]
	}
	loss := func(theta []float64) (sum float64) {
		for p := range shares {
			r := residual(theta, p, nil)
			sum += weight * r * r
		}
		for i, v := range theta {
			sum += prior[i] * v * v
		}
		return sum
	}
	now := loss(theta)
	row := make([]float64, n+1)
	for range fitSteps {
		a := make([][]float64, n+1)
		g := make([]float64, n+1)
		for i := range a {
			a[i] = make([]float64, n+1)
			a[i][i] = prior[i]
			g[i] = -prior[i] * theta[i]
		}
		for p := range shares {
			r := residual(theta, p, row)
			for i, v := range row {
				if v == 0 {
					continue
				}
				g[i] -= weight * v * r
				for j := range i + 1 {
					a[i][j] += weight * v * row[j]
				}
			}
		}
		step := cholesky(a, g)
		moved := false
		for range 20 {
			next := slices.Clone(theta)
			for i := range next {
				next[i] += step[i]
				step[i] /= 2
			}
			if l := loss(next); l < now {
				moved = now-l > 1e-9*now
				theta, now = next, l
				break
			}
		}
		if !moved {
			break
		}
	}
	return theta
}

// cholesky solves a·x = b for a positive definite a, of which the lower triangle
// is given; both are overwritten.
func cholesky(a [][]float64, b []float64) []float64 {
	for i := range a {
		for j := range i + 1 {
			s := a[i][j]
			for k := range j {
				s -= a[i][k] * a[j][k]
			}
			if i == j {
				a[i][i] = math.Sqrt(s)
			} else {
				a[i][j] = s / a[j][j]
			}
		}
	}
	for i := range b {
		for k := range i {
			b[i] -= a[i][k] * b[k]
		}
		b[i] /= a[i][i]
	}
	for i := len(b) - 1; i >= 0; i-- {
		for k := i + 1; k < len(b); k++ {
			b[i] -= a[k][i] * b[k]
		}
		b[i] /= a[i][i]
	}
	return b
}

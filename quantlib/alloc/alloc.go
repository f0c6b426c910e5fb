// Package alloc chooses one candidate for each item so that a sum is as small
// as possible while other sums stay under limits. In quantlib an item is a tie
// (a set of quantizers which share a width), its candidates are the widths it
// may take, the sum to be made small is noise, and the limited sums are bytes,
// bit operations, seconds, weighted bits: whatever the caller names. The
// package knows numbers only.
//
// # The problem
//
// With x a choice of one allowed candidate x(i) for each item i,
//
//	minimise   Σ_i noise(i, x(i))
//	subject to Σ_i cost_k(i, x(i)) <= Max_k   for each limit k
//
// which is the multiple-choice knapsack problem with several limits. Means are
// such limits too: the mean weight width Σ bits·params / Σ params <= b is the
// limit b·Σ params on the cost bits·params. A cost may be negative, so a lower
// bound is an upper bound on the negated cost.
//
// # Proof of optimality
//
// [Solve] is exact. Six facts carry it; each removes only choices that cannot
// be better than the best one known:
//
//  1. For any multipliers λ >= 0, every choice that meets the limits has
//
//     Σ o >= L(λ) = Σ_i min_j (o_ij + Σ_k λ_k·c_ijk) - Σ_k λ_k·Max_k
//
//     because the term Σ_k λ_k·(Σ_i c_k - Max_k) is not positive. The search
//     takes λ from the linear relaxation (where L is largest), yet its
//     correctness needs only λ >= 0, which is enforced. Applied to the items
//     not yet decided, with what is left of the limits, it bounds from below
//     all completions of a partial choice; one whose bound reaches the best
//     known value is dropped. Applied to all items, it removes a candidate
//     whose regret against the item's minimum lifts L to that value.
//
//  2. Of two partial choices for the same items, one that is no worse in the
//     objective and in every limited cost completes to something no worse for
//     every completion of the other (dominance), so the other is dropped.
//
//  3. At multipliers λ every choice that meets the limits has the objective
//
//     Σ o = L(λ) + Σ_i regret(i, x(i)) + Σ_k λ_k·(Max_k - Σ_i c_k(i, x(i)))
//
//     where no term after L(λ) is negative. So the choices below L(λ)+t are made
//     of candidates whose regrets add up to less than t, and leave less than
//     t/λ_k of each limit. They are found by meeting in the middle: the items are
//     dealt out to two halves, each half's combinations of regret below t are
//     listed, and partners are looked up in a grid of costs.
//
//  4. Where one limit k is kept as it is and only the others are priced, the least of
//     regrets and of λ_k times what is left of limit k, over the choices within limit
//     k, is added to L(λ). It is found item by item among partial choices that no
//     other one beats; neighbours are joined where they are too many, which makes the
//     sum less, so that it still bounds from below. It removes the candidates with
//     which it reaches the best known value, too.
//
//  5. A choice that is best within some of the limits, and is within the others, is
//     best within all. Limits that have no price in the relaxation are left out of the
//     search until a choice breaks them.
//
//  6. Everything else is enumerated: a node whose gap leaves too many combinations
//     is split by the candidates of one item, and the multipliers are
//     found anew in each child. Where candidates have no regret to tell them apart,
//     as where many items are alike, or objectives are whole numbers, partial
//     choices are first extended item by item, in blocks of bounded size, best
//     bound first.
//
// Rounding: objectives and costs are moved to fixed point, 2^-52 of the best
// known objective and of each limit, where sums are exact and do not depend on
// the order of items. A partial choice is dropped when its bound comes within
// 1e-12 (relative) of the best known objective, both counted above the sum of
// the items' own minima, so the optimum is the optimum up to that. The tests
// compare with brute force on thousands of small cases.
//
// # Couplings
//
// What a layer takes depends on the widths at which it reads and writes, so on several
// items at once. A [Coupling] adds noise and costs by combination of candidates. Items are
// then eliminated one after another: the least of what an item and all before it add, at
// given multipliers, is a table over the few later items that it depends on. That gives
// the least choice at any multipliers, the regret of every entry of every table, and so
// what fact 1 and fact 3 need: [Solve] leaves out candidates that no choice of small regret
// has, lists what is left table by table where that is little, and splits by an item's
// candidates otherwise. Under one limit between noise and a cost it draws the frontier's
// edge about the limit instead. [CoupledFrontier] lists combinations by state of what an
// item depends on. Both are exact for any couplings; tables grow with the number of items
// that must be known at once (the treewidth of the couplings), two or three in most
// networks.
//
// # How long it takes
//
// Choosing under several limits is NP-hard; how long a proof takes depends on how
// far the best choice lies above the relaxation. Measured in processor time on one
// core, 200 items of 16 candidates, limits at 7 to 75 % of their range, least noise:
//
//	noise falls by four a bit, free numbers   1 limit: 7 ms in the median, 0.01 s at most, 25 of 25 proved
//	                                          2 limits: 8 ms, 0.02 s, 25 of 25
//	                                          3 limits: 36 ms, 0.84 s, 40 of 40
//	the same, eight layers of equal costs     3 limits: 51 ms, 0.76 s, 25 of 25
//	noise nearly a function of the costs      3 limits: 36 ms, 0.44 s, 20 of 20, and 5 without a choice
//	costs in whole proportion (powers of two  2 limits: 0.10 s, 0.45 s, 40 of 40
//	times nine), latency in steps             3 limits: 54 ms, 0.16 s, 40 of 40
//	                                          4 limits: 0.17 s, 1.3 s, 40 of 40, 39 within a second
//	the same, each limit of its own strength  4 limits: 0.08 s, 0.87 s, 30 of 30
//
// The hardest seen are items that are all alike (3 limits: 0.06 s in the median, 24 of
// 25 proved, a gap of 1e-6 after 3.8 s), and the fewest bytes of the last kind under
// limits on noise, bit operations, seconds and activation bits: of 14 problems with a
// choice 7 were proved within a second and 9 within three, the others to a gap of 1e-4
// or less. Set Problem.Nodes, or give Solve a context with a deadline,
// and it returns the best choice so far with its Gap, which bounds how much better
// any choice can be.
//
// A frontier is found whole where its edges can be listed in bounded work (see
// [Frontier]). Measured in processor time, about half of it by the clock on two cores:
//
//	54 items of 6 candidates, network-like   bytes 32,229 points in 0.11 s, bit operations 59,534 in 0.59 s, seconds 38,508 in 0.35 s
//	54 of 6, costs in whole proportion       bytes 8,759 in 28 ms, bit operations 71,556 in 0.23 s, seconds 15,294 in 38 ms
//	200 of 16, network-like                  bytes 1,744,493 in 6.9 s; with eight layers of equal costs 1,357,017 in 7.6 s
//	200 of 16, free numbers                  13,998 to 17,226 in 0.03 to 0.05 s
//	200 of 16, all alike                     801 to 3,001 in 0.1 to 0.2 s
//
// Not whole, and within Epsilon of it, after 7 to 14 s of processor time, 5 to 10 by the
// clock: 200 network-like items of 16 with bit operations 0.042 (566,497 points) and with
// seconds 0.082; with costs in whole proportion, bytes 0.041, bit operations 0.048, seconds
// 0.023. Where one budget is in question there, Solve with that limit is exact.
//
// With couplings, 106 items of 6 candidates, as a network of 53 layers with every third one
// a branch: the frontier of seconds, 26,167 points, in 0.18 s by the clock on two cores
// (with 3 candidates 5,105 points in 31 ms); the optimum under one limit in 70 ms, under
// two in 90 ms, both proved. With 16 candidates for each of a hundred items and more a
// coupled frontier is not whole: where single steps change the noise by a factor, Epsilon
// may be several times the noise after 10 to 40 s, while the optimum under one limit takes
// half a second to a second and is proved.
//
// # Ties and determinism
//
// The result is a function of the problem alone: there is no randomness, Solve has no
// concurrency, and Frontier gives the same on any number of threads. Of two candidates of an item with the same objective and the
// same limited costs the one with the lower index is chosen; a candidate which
// costs more and gains nothing is never chosen. Among different choices with
// the same total the first one found is kept, in a search order that is fixed
// by the problem, the order of its items included.
package alloc

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Noise names the noise of a candidate where the name of a cost is expected: as
// Problem.Minimize and as Limit.Cost. No cost may have this name.
const Noise = "noise"

// Tolerance is how far a total may stand above its limit, in parts of the
// largest absolute value that the limit or the total could have: rounding in a
// sum of some thousand terms stays below it, and at a limit of one gigabyte it
// is a thousandth of a byte.
const Tolerance = 1e-12

// Candidate is one way to treat an item.
type Candidate struct {
	Name  string             // for reports, as "w4a8"; need not be unique
	Noise float64            // not negative, adds up over items
	Costs map[string]float64 // by name; finite, adds up over items
}

// Item is one decision. Exactly one of its candidates is chosen.
type Item struct {
	Name       string // for reports and errors
	Candidates []Candidate
	Allowed    []int // indices of the candidates that may be chosen; empty means all, a single one pins the item
}

// Limit bounds the total of one cost from above.
type Limit struct {
	Cost string // a cost's name, or Noise
	Max  float64
}

// Problem is what Solve solves. The zero Minimize means Noise.
type Problem struct {
	Items    []Item
	Limits   []Limit
	Minimize string // the total that is made small: Noise or the name of a cost
	// Couplings add to totals what depends on several items at once. With them Nodes counts
	// otherwise, in about the same time.
	Couplings []Coupling
	// Nodes is how many partial choices the search may look at; 0 means until the
	// optimum is proved. Unlike a deadline it gives the same result on every
	// machine. A million take about one to four seconds.
	Nodes int
}

// Solution is an optimal choice and what is known about it.
type Solution struct {
	Choice []int              // by item, an index into its Candidates
	Noise  float64            // total noise, summed in the order of items
	Costs  map[string]float64 // totals of the costs which every candidate has, summed in the order of items

	Objective float64 // the minimised total
	Bound     float64 // no choice has a smaller total; equal to Objective when the search was finished
	Gap       float64 // Objective - Bound: 0 proves the optimum
	Nodes     int     // partial choices looked at
	Fixed     int     // items decided by bounds before the search
}

// Join makes one item of several that must take the same candidate: the
// candidates at each index are added up, under the names of the first item, and
// an index is allowed if all items allow it. The result's Allowed is never
// empty.
//
// It returns an error if the items differ in the number of candidates or allow
// no index in common. It panics without items.
func Join(name string, items ...Item) (Item, error) {
	if len(items) == 0 {
		panic("alloc: Join of no items")
	}
	joined := Item{Name: name}
	for j, first := range items[0].Candidates {
		sum := Candidate{Name: first.Name, Costs: map[string]float64{}}
		allowed := true
		for _, it := range items {
			if len(it.Candidates) != len(items[0].Candidates) {
				return Item{}, fmt.Errorf("alloc: join %q: item %q has %d candidates, item %q has %d",
					name, items[0].Name, len(items[0].Candidates), it.Name, len(it.Candidates))
			}
			sum.Noise += it.Candidates[j].Noise
			for cost, v := range it.Candidates[j].Costs {
				sum.Costs[cost] += v
			}
			allowed = allowed && (len(it.Allowed) == 0 || slices.Contains(it.Allowed, j))
		}
		for cost := range sum.Costs {
			for _, it := range items {
				if _, ok := it.Candidates[j].Costs[cost]; !ok {
					return Item{}, fmt.Errorf("alloc: join %q: item %q: candidate %d has no cost %q", name, it.Name, j, cost)
				}
			}
		}
		joined.Candidates = append(joined.Candidates, sum)
		if allowed {
			joined.Allowed = append(joined.Allowed, j)
		}
	}
	if len(joined.Allowed) == 0 {
		return Item{}, fmt.Errorf("alloc: join %q: the items allow no candidate in common", name)
	}
	return joined, nil
}

// cost is the named cost of a candidate.
func (c *Candidate) cost(name string) (float64, bool) {
	if name == Noise {
		return c.Noise, true
	}
	v, ok := c.Costs[name]
	return v, ok
}

// allowed lists the candidates that may be chosen, in ascending order.
func (it *Item) allowed() []int {
	if len(it.Allowed) > 0 {
		a := slices.Clone(it.Allowed)
		slices.Sort(a)
		return slices.Compact(a)
	}
	a := make([]int, len(it.Candidates))
	for j := range a {
		a[j] = j
	}
	return a
}

// check returns an error that names the first item which cannot be used with
// the given costs.
func check(items []Item, costs []string) error {
	for i := range items {
		it := &items[i]
		where := fmt.Sprintf("alloc: item %d %q", i, it.Name)
		if len(it.Candidates) == 0 {
			return fmt.Errorf("%s has no candidates", where)
		}
		for _, j := range it.Allowed {
			if j < 0 || j >= len(it.Candidates) {
				return fmt.Errorf("%s allows candidate %d of %d", where, j, len(it.Candidates))
			}
		}
		for j := range it.Candidates {
			c := &it.Candidates[j]
			if _, clash := c.Costs[Noise]; clash {
				return fmt.Errorf("%s: candidate %d %q: a cost may not be named %q", where, j, c.Name, Noise)
			}
			if !(c.Noise >= 0) || math.IsInf(c.Noise, 0) {
				return fmt.Errorf("%s: candidate %d %q: noise %v is not a finite number from 0 up", where, j, c.Name, c.Noise)
			}
			for _, name := range costs {
				v, ok := c.cost(name)
				if !ok {
					return fmt.Errorf("%s: candidate %d %q has no cost %q", where, j, c.Name, name)
				}
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("%s: candidate %d %q: cost %q is %v", where, j, c.Name, name, v)
				}
			}
		}
	}
	return nil
}

// check validates the problem and returns the name of its objective.
func (p *Problem) check() (objective string, err error) {
	objective = p.Minimize
	if objective == "" {
		objective = Noise
	}
	names := []string{objective}
	for _, l := range p.Limits {
		if l.Cost == "" {
			return "", errors.New("alloc: a limit names no cost")
		}
		if math.IsNaN(l.Max) {
			return "", fmt.Errorf("alloc: the limit on %q is NaN", l.Cost)
		}
		names = append(names, l.Cost)
	}
	return objective, check(p.Items, names)
}

// solution adds up what a choice amounts to.
func (p *Problem) solution(objective string, choice []int) Solution {
	s := Solution{Choice: choice, Costs: map[string]float64{}}
	for name := range common(p.Items) {
		s.Costs[name] = p.total(choice, name)
	}
	s.Noise = p.total(choice, Noise)
	s.Objective = p.total(choice, objective)
	return s
}

// total sums one cost of a choice, or noise, in the order of items, then couplings.
func (p *Problem) total(choice []int, name string) float64 {
	sum := total(p.Items, choice, name)
	for i := range p.Couplings {
		c := &p.Couplings[i]
		list := c.values(name)
		if list == nil {
			continue
		}
		q, unit := 0, 1
		for _, item := range c.Items {
			q += unit * choice[item]
			unit *= len(p.Items[item].Candidates)
		}
		sum += list[q]
	}
	return sum
}

// common is the set of costs that every candidate has.
func common(items []Item) map[string]bool {
	set := map[string]bool{}
	if len(items) == 0 {
		return set
	}
	for name := range items[0].Candidates[0].Costs {
		set[name] = true
	}
	for _, it := range items {
		for _, c := range it.Candidates {
			for name := range set {
				if _, ok := c.Costs[name]; !ok {
					delete(set, name)
				}
			}
		}
	}
	return set
}

// total sums one cost of a choice, in the order of items.
func total(items []Item, choice []int, name string) float64 {
	sum := 0.0
	for i, j := range choice {
		v, _ := items[i].Candidates[j].cost(name)
		sum += v
	}
	return sum
}

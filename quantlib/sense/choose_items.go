package sense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/alloc"
)

// maxCandidates is how many ways to treat a group are kept at any time. A group
// with more is split into its ties.
const maxCandidates = 4096

// items is a table as the allocator's problem.
type items struct {
	list  []alloc.Item
	picks [][]partial // by item, then candidate
	ties  int
	fixed float64 // seconds of units that no tie decides
}

// bits is the width of each tie under a choice of candidates.
func (it *items) bits(choice []int) []int {
	bits := make([]int, it.ties)
	for i, j := range choice {
		for _, a := range it.picks[i][j].set {
			bits[a.tie] = a.bits
		}
	}
	return bits
}

type assignment struct{ tie, bits int }

// partial is widths for some ties of a group, and what they add.
type partial struct {
	set                []assignment
	noise, bytes, mean float64
	acts               float64 // Σ elements·width of activations
}

// totals is what a partial choice adds to noise and costs.
func (p *partial) totals() [4]float64 { return [4]float64{p.noise, p.bytes, p.mean, p.acts} }

// prune drops what another is no worse than in everything; of equals the first stays.
// That never loses an optimum, since everything adds up over groups.
func prune(list []partial) []partial {
	order := make([]int, len(list))
	totals := make([][4]float64, len(list))
	for i := range list {
		order[i], totals[i] = i, list[i].totals()
	}
	// By noise, so that what one is covered by comes before it.
	slices.SortStableFunc(order, func(a, b int) int {
		return slices.Compare(totals[a][:], totals[b][:])
	})
	var kept [][4]float64
	var stay []int
next:
	for _, i := range order {
		x := &totals[i]
		for k := len(kept) - 1; k >= 0; k-- {
			y := &kept[k]
			if y[1] <= x[1] && y[2] <= x[2] && y[3] <= x[3] {
				continue next
			}
		}
		kept, stay = append(kept, *x), append(stay, i)
	}
	slices.Sort(stay)
	out := make([]partial, len(stay))
	for k, i := range stay {
		out[k] = list[i]
	}
	return out
}

// ready is the widths that each tie may take, once the table knows what the costs
// need.
func (t *Table) ready(sp Space, n needs) ([][]int, error) {
	switch {
	case n.bops && t.macs == nil:
		return nil, errors.New("sense: BOPs need the layers' multiply-accumulates, see MACs")
	case (n.seconds || n.activations) && t.work == nil:
		return nil, errors.New("sense: latency and mean activation bits need the shapes of the network, see Table.On")
	case n.seconds && !t.device.HasLatency():
		return nil, fmt.Errorf("sense: the profile %q has no figures of speed, nor a measured table", t.device.Name)
	}
	return t.allowed(sp)
}

// problem is the table as the allocator's problem, with couplings where costs are asked
// for that need them.
func (t *Table) problem(ctx context.Context, allowed [][]int, n needs) (*items, []alloc.Coupling, error) {
	if n.bops || n.seconds {
		return t.coupled(allowed, n)
	}
	it, err := t.itemsOf(ctx, allowed, n)
	return it, nil, err
}

// itemsOf makes one item of each group: its candidates are the widths of its ties, those
// left out that others beat in everything. It knows of no cost that couples groups (see
// coupled).
func (t *Table) itemsOf(ctx context.Context, allowed [][]int, n needs) (*items, error) {
	it := &items{ties: len(t.m.Ties)}
	for i := range t.groups {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sense: %w", err)
		}
		g := &t.groups[i]
		if list, ok := t.candidates(g, allowed, n); ok {
			if err := it.add(g.name, list, t); err != nil {
				return nil, err
			}
			continue
		}
		for _, tie := range slices.Concat(g.weights, g.acts) {
			var list []partial
			for _, b := range allowed[tie] {
				list = append(list, t.extend(partial{}, tie, b, n))
			}
			if err := it.add(t.m.Ties[tie].Name, prune(finite(list)), t); err != nil {
				return nil, err
			}
		}
	}
	return it, nil
}

// weightBits is MeanWeightBits times the network's weights: whole numbers, which
// keep frontiers small.
const weightBits = "weight bits"

// activationBits is MeanActivationBits times the elements of activations.
const activationBits = "activation bits"

func (it *items) add(name string, list []partial, t *Table) error {
	if len(list) == 0 {
		return fmt.Errorf("sense: layer %s: %w", name, errNoWidth)
	}
	item := alloc.Item{Name: name}
	for _, p := range list {
		item.Candidates = append(item.Candidates, alloc.Candidate{
			Name: p.name(), Noise: p.noise,
			Costs: map[string]float64{
				Bytes: p.bytes, MeanWeightBits: p.mean, weightBits: math.Round(p.mean * float64(t.total)),
				MeanActivationBits: p.acts / float64(max(1, t.elements)), activationBits: p.acts,
			},
		})
	}
	it.list, it.picks = append(it.list, item), append(it.picks, list)
	return nil
}

func (p *partial) name() string {
	var b strings.Builder
	for i, a := range p.set {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d:%d", a.tie, a.bits)
	}
	return b.String()
}

// extend adds a tie's width to a partial choice.
func (t *Table) extend(p partial, tie, bits int, n needs) partial {
	p.set = append(slices.Clone(p.set), assignment{tie, bits})
	if bits != 0 {
		p.noise += t.tieNoise(tie, bits).Mean
	}
	if n.activations && t.alone[tie] != nil {
		p.acts += float64(t.work.Elements[tie]) * float64(width(bits))
	}
	if t.params[tie] > 0 {
		p.bytes += t.tieBytes(tie, width(bits))
		p.mean += float64(t.params[tie]*width(bits)) / float64(t.total)
	}
	return p
}

// finite drops widths whose noise could not be measured.
func finite(list []partial) []partial {
	return slices.DeleteFunc(list, func(p partial) bool { return math.IsNaN(p.noise) || math.IsInf(p.noise, 0) })
}

// candidates lists the ways to treat a group. With the widths of the activations
// fixed, everything adds up over the weights, so what is covered among the weights so far
// can be dropped at once.
func (t *Table) candidates(g *group, allowed [][]int, n needs) (list []partial, ok bool) {
	combinations := 1
	for _, a := range g.acts {
		if combinations *= len(allowed[a]); combinations > maxCandidates {
			return nil, false
		}
	}
	bits := make([]int, len(t.m.Ties))
	at := func(tie int) int { return bits[tie] }
	for c := range combinations {
		base := partial{}
		for _, a := range g.acts {
			base = t.extend(base, a, allowed[a][c%len(allowed[a])], n)
			c /= len(allowed[a])
		}
		now := []partial{base}
		for _, w := range g.weights {
			var next []partial
			for _, b := range allowed[w] {
				for _, p := range now {
					next = append(next, t.extend(p, w, b, n))
				}
			}
			if len(g.layers) == 1 {
				now = next
			} else {
				now = prune(finite(next))
			}
			if len(now) > maxCandidates {
				return nil, false
			}
		}
		for _, p := range now {
			for _, a := range p.set {
				bits[a.tie] = a.bits
			}
			p.noise = t.noise(g, at).Mean
			list = append(list, p)
		}
		if list = prune(finite(list)); len(list) > maxCandidates {
			return nil, false
		}
	}
	return list, true
}

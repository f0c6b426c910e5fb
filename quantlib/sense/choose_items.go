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
// with more is split into its ties unless BOPs, which couple them, are asked for.
const maxCandidates = 4096

// items is a table as the allocator's problem.
type items struct {
	list  []alloc.Item
	picks [][]partial // by item, then candidate
	ties  int
	fixed float64 // seconds of units that no choice changes
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
	set                      []assignment
	noise, bytes, mean, bops float64
	seconds, acts            float64 // acts is Σ elements·width of activations
}

// totals is what a partial choice adds to noise and costs.
func (p *partial) totals() [6]float64 {
	return [6]float64{p.noise, p.bytes, p.mean, p.bops, p.seconds, p.acts}
}

// prune drops what another is no worse than in everything; of equals the first stays.
// That never loses an optimum, since everything adds up over groups.
func prune(list []partial) []partial {
	order := make([]int, len(list))
	totals := make([][6]float64, len(list))
	for i := range list {
		order[i], totals[i] = i, list[i].totals()
	}
	// By noise, so that what one is covered by comes before it.
	slices.SortStableFunc(order, func(a, b int) int {
		return slices.Compare(totals[a][:], totals[b][:])
	})
	var kept [][6]float64
	var stay []int
next:
	for _, i := range order {
		x := &totals[i]
		for k := len(kept) - 1; k >= 0; k-- {
			y := &kept[k]
			if y[1] <= x[1] && y[2] <= x[2] && y[3] <= x[3] && y[4] <= x[4] && y[5] <= x[5] {
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

// items makes one item of each group: its candidates are the widths of its ties,
// those left out that others beat in everything.
func (t *Table) items(ctx context.Context, sp Space, n needs) (*items, error) {
	allowed, err := t.ready(sp, n)
	if err != nil {
		return nil, err
	}
	return t.itemsOf(ctx, allowed, n, false, nil)
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

// tooMany says that a group has too many candidates.
type tooMany struct {
	group *group
	most  int
	tie   int // that most of its layers share, of those with a choice
}

func (e *tooMany) Error() string {
	return fmt.Sprintf("sense: BOPs and latency couple %d ties of layers %s in more than %d ways: %v",
		len(e.group.weights)+len(e.group.acts), e.group.name, e.most, errors.ErrUnsupported)
}

func (e *tooMany) Unwrap() error { return errors.ErrUnsupported }

// madeItems are the items of groups by what they depend on, kept through a search in
// which the widths of few ties change from step to step.
type madeItems map[string]*items

// itemsOf is items for given widths. Seconds that another group decides too count
// at the slowest widths that are allowed there, or at the fastest. made may be nil.
func (t *Table) itemsOf(ctx context.Context, allowed [][]int, n needs, fastest bool, made madeItems) (*items, error) {
	it := &items{ties: len(t.m.Ties)}
	if n.seconds {
		it.fixed = t.fixedSeconds()
	}
	for i := range t.groups {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sense: %w", err)
		}
		key := t.itemsKey(i, allowed, fastest)
		own := made[key]
		if own == nil {
			own = &items{}
			if err := t.addGroup(own, i, allowed, n, fastest); err != nil {
				return nil, err
			}
			if made != nil {
				made[key] = own
			}
		}
		it.list, it.picks = append(it.list, own.list...), append(it.picks, own.picks...)
	}
	return it, nil
}

// itemsKey names a group and the widths of all ties that its items depend on.
func (t *Table) itemsKey(group int, allowed [][]int, fastest bool) string {
	g := &t.groups[group]
	ties := slices.Concat(g.weights, g.acts)
	for _, k := range t.unitsOf(group) {
		u := &t.work.Units[k]
		ties = append(ties, u.Weight, u.Input, u.Output)
	}
	key := []byte{byte(group), byte(group >> 8), 0}
	if fastest {
		key[2] = 1
	}
	for _, tie := range ties {
		if tie < 0 {
			continue
		}
		for _, b := range allowed[tie] {
			key = append(key, byte(b))
		}
		key = append(key, 255)
	}
	return string(key)
}

// addGroup adds the items of a group.
func (t *Table) addGroup(it *items, group int, allowed [][]int, n needs, fastest bool) error {
	g := &t.groups[group]
	list, ok := t.candidates(group, g, t.unitsOf(group), allowed, n, fastest)
	if ok {
		return it.add(g.name, list, t)
	}
	if n.bops || n.seconds {
		if len(g.layers) == 1 {
			return &tooMany{g, t.most, t.shared(g, allowed)}
		}
		for _, p := range t.pieces(group, allowed) {
			if list, ok = t.candidates(group, &p.group, p.units, allowed, n, fastest); !ok {
				return &tooMany{g, t.most, t.shared(g, allowed)}
			}
			if err := it.add(p.name, list, t); err != nil {
				return err
			}
		}
		return nil
	}
	for _, tie := range slices.Concat(g.weights, g.acts) {
		var list []partial
		for _, b := range allowed[tie] {
			list = append(list, t.extend(partial{}, tie, b, n))
		}
		if err := it.add(t.m.Ties[tie].Name, prune(finite(list)), t); err != nil {
			return err
		}
	}
	return nil
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
				Bytes: p.bytes, MeanWeightBits: p.mean, weightBits: math.Round(p.mean * float64(t.total)), BOPs: p.bops, Latency: p.seconds,
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

// extend adds a tie's width to a partial choice; BOPs and latency are left to the
// caller.
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

// candidates lists the ways to treat a group, or a piece of it, with the units whose
// seconds it has. With the widths of the activations fixed, everything adds up over the
// weights, so what is covered among the weights so far can be dropped at once.
func (t *Table) candidates(of int, g *group, units []int, allowed [][]int, n needs, fastest bool) (list []partial, ok bool) {
	combinations := 1
	for _, a := range g.acts {
		if combinations *= len(allowed[a]); combinations > t.most {
			return nil, false
		}
	}
	bits := make([]int, len(t.m.Ties))
	for _, ties := range [][]int{t.groups[of].acts, t.groups[of].weights} {
		for _, tie := range ties {
			bits[tie] = allowed[tie][0] // for those of other pieces, which have no choice
		}
	}
	at := func(tie int) int { return bits[tie] }
	inside := func(tie int) bool { return slices.Contains(g.acts, tie) || slices.Contains(g.weights, tie) }
	// spend is what the layers and units whose weight is the given tie (-1: that
	// have none here) cost, with that tie's width and the activations' set.
	spend := func(weight int) (bops, seconds float64) {
		is := func(tie int) bool { return tie == weight || weight < 0 && !slices.Contains(g.weights, tie) }
		if n.bops {
			for _, l := range g.layers {
				tie := -1
				if k := t.m.Layers[l].Weight; k >= 0 {
					tie = t.m.Quantizers[k].Tie
				}
				if is(tie) {
					bops += t.layerBOPs(l, at)
				}
			}
		}
		if n.seconds {
			for _, u := range units {
				if is(t.work.Units[u].Weight) {
					seconds += t.seconds(u, inside, at, allowed, fastest)
				}
			}
		}
		return bops, seconds
	}
	for c := range combinations {
		base := partial{}
		for _, a := range g.acts {
			bits[a] = allowed[a][c%len(allowed[a])]
			c /= len(allowed[a])
			base = t.extend(base, a, bits[a], n)
		}
		base.bops, base.seconds = spend(-1)
		now := []partial{base}
		for _, w := range g.weights {
			var next []partial
			for _, b := range allowed[w] {
				bits[w] = b
				bops, seconds := spend(w)
				for _, p := range now {
					q := t.extend(p, w, b, n)
					q.bops += bops
					q.seconds += seconds
					next = append(next, q)
				}
			}
			if len(g.layers) == 1 {
				now = next
			} else {
				now = prune(finite(next))
			}
			if len(now) > t.most {
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
		if list = prune(finite(list)); len(list) > t.most {
			return nil, false
		}
	}
	return list, true
}

package alloc

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
)

const (
	mostSteps = 256     // of a span
	sagPart   = 0.03    // of the usual threshold, for a span of several steps
	firstTry  = 0.6     // of the usual threshold
	growth    = 2       // of a threshold that is too low, at most
	learn     = 0.3     // how fast the usual threshold changes
	mostDepth = 4       // items by which an edge is parted
	edgeShare = 64      // of what is left, how often an edge's even share it may take
	leastWork = 1 << 12 // pairs for a list where nothing is left
	stretches = 8       // that a polygon is cut into, drawn side by side
	skimDepth = 2       // items by which an edge is parted where no work is left
	wide      = 0.05    // of the noise; a step that may hide more is parted even then
)

// effort is how many pairs are looked at, about: for one list, for an edge, for all, and in
// each stretch to part edges where no more is left.
type effort struct{ list, edge, total, skim int }

var (
	plainEffort   = effort{1 << 21, 1 << 24, 3 << 28, 1 << 22}
	coupledEffort = effort{1 << 23, 1 << 27, 3 << 28, 1 << 25} // parting takes longer
)

// span is a stretch of a polygon and how its points are listed.
type span struct {
	s, e, v int // first and last vertex, and that of the base
	lambda  float64
	sag     float64    // regret of the vertices s and e
	window  [2]float64 // costs
	eps     float64    // noise that says nothing
	cells   *cells
	base    []int32 // by item, a cell
	fixed   []int32
	origin  Point   // totals of the base
	top     float64 // threshold of regret
}

// drawer draws a frontier.
type drawer struct {
	ctx           context.Context
	sp            spanner
	stair         stair
	spans         []span
	usual         float64 // threshold beyond the sag, in parts of √(noise·height)
	within        [2]float64
	points        []Point
	from          []origin
	given         []given
	open          []span // given up, with the threshold up to which they were listed
	most          effort
	spared        bool // what is given up is approximated
	skimmed       int  // work of parting where none was left
	work, allowed int  // on the edge, and how much may be
	buffer        []known
}

// stretch is the span of a polygon from vertex s to e.
func (d *drawer) stretch(g *polygon, s, e int) span {
	p, q := g.vertex[s], g.vertex[e]
	cost, noise := 0.0, 0.0 // of the steps, which may be small beside the totals
	for _, st := range g.steps[s:e] {
		cost, noise = cost+st.cost, noise+st.noise
	}
	x := span{s: s, e: e, v: e, lambda: noise / cost, eps: noiseUlp * q.Noise, cells: g.cells, fixed: g.fixed}
	for v := s + 1; v < e; v++ {
		w := g.vertex[v]
		if below := p.Noise - w.Noise - x.lambda*(w.Cost-p.Cost); below > x.sag {
			x.sag, x.v = below, v
		}
	}
	pad := Tolerance * d.stair.scale
	x.window = [2]float64{max(p.Cost, d.within[0]) - pad, min(q.Cost, d.within[1]) + pad}
	return x
}

// height is the scale of thresholds: they are about proportional to it.
func height(g *polygon, x *span) float64 {
	n := g.vertex[x.e].Noise
	return math.Sqrt(n * (g.vertex[x.s].Noise - n))
}

// next is the span from vertex s on: several steps where their corner is little
// above the chord, so that they are listed together.
func (d *drawer) next(g *polygon, s, last int) span {
	x := d.stretch(g, s, s+1)
	for e := s + 2; e <= last && e <= s+mostSteps; e++ {
		y := d.stretch(g, s, e)
		if y.sag > sagPart*d.usual*height(g, &y) || g.vertex[s].Noise > 2*g.vertex[e].Noise {
			break
		}
		x = y
	}
	return x
}

// edges finds the frontier along a polygon from vertex from to vertex to, edge after
// edge.
func (d *drawer) edges(g *polygon, from, to, left int) error {
	d.vertex(g, from)
	for s := from; s < to; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		d.allowed = min(d.most.edge, max(0, left)/(to-s)*edgeShare)
		d.sp.limit = min(d.most.list, max(leastWork, d.allowed))
		d.work, d.open = 0, d.open[:0]
		d.within = [2]float64{math.Inf(-1), math.Inf(1)}
		x := d.next(g, s, to)
		first := d.stair.points[len(d.stair.points)-1]
		d.flush()
		d.stair.points = append(d.stair.points[:0], first)
		for v := s + 1; v <= x.e; v++ {
			d.vertex(g, v)
		}
		if !d.resolve(g, &x) {
			ok := false
			if x.e > s+1 {
				x = d.stretch(g, s, s+1)
				d.stair.points = append(d.stair.points[:0], first)
				d.vertex(g, s+1)
				ok = d.resolve(g, &x)
			}
			if err := d.beyond(g, &x, 0, ok); err != nil {
				return err
			}
			if d.spared && len(d.open) > 0 {
				left /= 2 // not whole any more: what is left of it pays less
			}
			for q := range d.open {
				d.given = append(d.given, given{d.open[q], x, g.vertex[x.e]})
			}
		}
		left -= d.work
		s = x.e
	}
	d.flush()
	return nil
}

// flush makes the stair part of the frontier.
func (d *drawer) flush() {
	for _, x := range d.stair.points {
		if n := len(d.points); n == 0 || x.Noise < d.points[n-1].Noise*(1-sameNoise) {
			d.points, d.from = append(d.points, x.Point), append(d.from, x.from)
		}
	}
}

// draw finds the points of a polygon's choices from vertex s to last.
func (d *drawer) draw(g *polygon, s, last, depth int) error {
	for s < last {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if d.work > d.allowed {
			return d.skim(g, s, last, depth)
		}
		x := d.next(g, s, last)
		ok := d.resolve(g, &x)
		if !ok && x.e > s+1 {
			x = d.stretch(g, s, s+1)
			ok = d.resolve(g, &x)
		}
		if err := d.beyond(g, &x, depth, ok); err != nil {
			return err
		}
		s = x.e
	}
	return nil
}

// resolve lists the combinations of a span with growing thresholds until no corner is
// above; false if that takes too long. Then x.top is what was listed.
func (d *drawer) resolve(g *polygon, x *span) bool {
	x.base = g.cellsAt(x.v)
	x.origin = g.total(x.base)
	need := d.stair.corner(x)
	if need <= 0 {
		return true
	}
	h := height(g, x)
	guess := x.sag + firstTry*d.usual*h
	if d.usual == 0 {
		guess = need / 16
	}
	d.sp.at(x)
	d.work += d.sp.entries
	top := min(need, max(guess, need*1e-4))
	for {
		list, ok := d.sp.list(top * (1 + 1e-9))
		d.work += d.sp.work
		if !ok {
			if x.top == 0 {
				if top < need*1e-6 {
					return false
				}
				top /= 4
				continue
			}
			return false
		}
		x.top = top * (1 + 1e-9)
		d.take(x, list)
		if need = d.stair.corner(x); need <= x.top {
			if h > 0 && x.sag < top {
				u := (top - x.sag) / h
				if d.usual == 0 {
					d.usual = u
				}
				d.usual += learn * (u - d.usual)
			}
			return true
		}
		top = min(need, growth*top)
	}
}

// take adds a list to the stair.
func (d *drawer) take(x *span, list []combo) {
	d.buffer = d.buffer[:0]
	n := int32(len(d.spans))
	for q, c := range list {
		d.buffer = append(d.buffer, known{Point{x.origin.Cost + c.cost, x.origin.Noise + c.noise}, origin{n, int32(q)}})
	}
	d.spans = append(d.spans, *x)
	d.stair.add(d.buffer)
}

// spanAt is the span of a vertex alone.
func (g *polygon) spanAt(v int) span {
	base := g.cellsAt(v)
	p := g.total(base)
	return span{window: [2]float64{p.Cost, p.Cost}, cells: g.cells, base: base, origin: p, fixed: g.fixed}
}

// vertex adds a vertex of a polygon to the stair.
func (d *drawer) vertex(g *polygon, v int) {
	x := g.spanAt(v)
	d.buffer = append(d.buffer[:0], known{x.origin, origin{int32(len(d.spans)), -1}})
	d.spans = append(d.spans, x)
	d.stair.add(d.buffer)
}

// spare is the items of a frontier whose edges, where they are given up, are approximated
// by a thinned one of so many points.
type spare struct {
	items  []Item
	points int
}

// frontier draws all of it.
func (root *polygon) frontier(ctx context.Context, cost string, work effort, instead *spare) (*Pareto, error) {
	return root.stretchOf(ctx, 0, len(root.steps), cost, work, instead)
}

// stretchOf draws it from vertex from to vertex to, stretches of it side by side. What is
// done does not depend on how many run at once.
func (root *polygon) stretchOf(ctx context.Context, from, to int, cost string, work effort, instead *spare) (*Pareto, error) {
	scale := 0.0
	for _, v := range root.vertex {
		scale = max(scale, math.Abs(v.Cost))
	}
	drawers := make([]*drawer, stretches)
	errs := make([]error, stretches)
	next := make(chan int, stretches)
	for k := range drawers {
		next <- k
	}
	close(next)
	var wait sync.WaitGroup
	for range min(stretches, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for k := range next {
				d := &drawer{ctx: ctx, sp: spanner{limit: work.list}, most: work, spared: instead != nil, stair: stair{scale: scale}}
				g := *root
				g.now, g.at = slices.Clone(g.first), 0
				n := to - from
				errs[k] = d.edges(&g, from+k*n/stretches, from+(k+1)*n/stretches, work.total/stretches)
				drawers[k] = d
			}
		})
	}
	wait.Wait()
	f := &Pareto{Cost: cost, sp: spanner{limit: math.MaxInt}, loaded: -1}
	st := stair{scale: scale}
	var list []known
	var open []given
	for k, d := range drawers {
		if errs[k] != nil {
			return nil, errs[k]
		}
		open = append(open, d.given...)
		for i, p := range d.points {
			o := d.from[i]
			o.span += int32(len(f.spans))
			list = append(list, known{p, o})
		}
		f.spans = append(f.spans, d.spans...)
	}
	st.add(list)
	switch {
	case len(open) == 0:
	case instead == nil:
		f.lower = st.gaps(open)
		f.Epsilon = st.epsilon(f.lower)
	default:
		thin, err := thinnedFrontier(ctx, instead.items, cost, instead.points)
		if err != nil {
			return nil, err
		}
		list = list[:0]
		for i, p := range thin.Points {
			list = append(list, known{p, origin{byThin, int32(i)}})
		}
		st.add(list)
		f.thin = thin
		f.solved, f.Epsilon = st.certify(ctx, instead.items, cost, open)
		f.Epsilon = min(f.Epsilon, thin.Epsilon)
	}
	f.Points, f.from = make([]Point, len(st.points)), make([]origin, len(st.points))
	for i, x := range st.points {
		f.Points[i], f.from[i] = x.Point, x.from
	}
	return f, nil
}

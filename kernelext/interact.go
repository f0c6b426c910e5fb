package nb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/quantnb/quantnb/quantlib"
)

// Interaction is the settings of [Interact]. The zero value is useful.
type Interaction struct {
	Layer   string        // shown first; "" means all layers
	Samples int           // test samples that each move is answered from at once; 0 means up to 64
	Idle    time.Duration // after so long without a move the cell ends; 0 means ten minutes
}

// Headless names the environment variable which, when set to 1, says that no
// browser is attached, so that Interact shows its still form at once.
const Headless = "QUANTNB_HEADLESS"

const (
	quickAnswer = 20 * time.Millisecond // for measuring, of the 50 that a move may take
	pause       = 40 * time.Millisecond // least time between two pictures: the server passes on a megabyte a second
)

// browserWait is how long Interact waits for the page; tests shorten it.
var browserWait = 3200 * time.Millisecond

// Interact shows a plan with controls: choose a layer, move its widths, and see
// what that does to noise, accuracy, size and, where the device's figures are
// known, latency, in numbers and as a point among the plans tried. It returns
// the plan as it stands in the end.
//
//	plan, err := nb.Interact(nb.Context(), study, q.Must(study.Uniform(8, 8)))
//
// The float network runs once over some test samples and its values are kept, so
// each move costs only what lies downstream of the quantizers. When the controls
// rest, the numbers are measured again on all test samples.
//
// The cell runs until “Done” is pressed, the kernel is interrupted, or nothing
// moves for ten minutes; other cells wait until then. “Take over” stores the
// plan for the cells below, where [Edited] finds it.
//
// Where no browser is attached (nbconvert, quantnb lab -execute) nothing waits:
// the plan is shown at each width of the layer behind an inline slider, as
// [Flipbook] does. Outside a notebook the texts are printed. In both cases the
// plan comes back unchanged.
func Interact(ctx context.Context, s *quantlib.Study, p quantlib.Plan, opt ...Interaction) (quantlib.Plan, error) {
	var o Interaction
	if len(opt) > 0 {
		o = opt[0]
	}
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	ctx, stop := withInterrupt(ctx)
	defer stop()
	w, err := newWhatIf(ctx, s, p, o)
	if err != nil {
		return p, err
	}
	if !notebook.live() || !mayHaveBrowser() {
		f, err := w.still(ctx)
		if err == nil {
			deliver(f)
		}
		return p, err
	}
	return w.live(ctx, o)
}

// mayHaveBrowser says whether Jupyter's server has started the kernel, which
// then tells it the notebook's path. Programs that run notebooks start kernels
// themselves.
func mayHaveBrowser() bool {
	return os.Getenv("JPY_SESSION_NAME") != "" && os.Getenv(Headless) != "1"
}

// move is what the reader does with the controls.
type move struct {
	Do         string `json:"do"` // hello, look, set, take, reset, done
	Number     int    `json:"number"`
	Layer      int    `json:"layer"`      // 0 for all, else one more than the place in Map.Layers
	Weight     *int   `json:"weight"`     // bits, 0 for float32; nil for no change
	Activation *int   `json:"activation"` // likewise
}

// news is what the page is told beside the picture.
type news struct {
	Number int      `json:"number"` // of the last move that is answered
	Status string   `json:"status"`
	Plan   [][2]int `json:"plan"`
	Ended  bool     `json:"ended,omitempty"`
}

// live shows the controls and answers moves until the end.
func (w *whatIf) live(ctx context.Context, o Interaction) (quantlib.Plan, error) {
	moves := make(chan move, 256)
	controls := "quantnb-" + w.id + "-controls"
	address := "/quantnb/" + w.id
	notebook.send(bundle{data: map[string]any{"text/html": w.controls(address), "text/plain": "a live what-if"}}.message(controls))
	notebook.listen(address, func(text string) {
		var m move
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		select {
		case moves <- m:
		default: // the reader is faster than the network; a later move counts
		}
	})
	if !w.awaitBrowser(ctx, moves) {
		f, err := w.still(ctx)
		if err != nil {
			f = failure(err)
		}
		notebook.send(f.message(controls)) // in place of the controls
		notebook.sync()
		return w.start, err
	}
	err := w.answer(ctx, moves, o.Idle)
	notebook.send(w.farewell().message(controls))
	notebook.send(w.final().message(w.display()))
	notebook.sync()
	if errors.Is(err, context.Canceled) {
		err = nil // an interrupt is one of the ways to end
	}
	return w.plan, err
}

// awaitBrowser waits for the page to report. The kernel's script that opens the
// way for messages holds up other output for three seconds where no page runs
// it, so there is no use in giving up earlier.
func (w *whatIf) awaitBrowser(ctx context.Context, moves <-chan move) bool {
	start := time.Now()
	late := time.NewTimer(browserWait)
	defer late.Stop()
	select {
	case <-moves:
		w.found = time.Since(start)
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// answer is the life of the controls.
func (w *whatIf) answer(ctx context.Context, moves <-chan move, idle time.Duration) error {
	if err := w.measure(ctx); err != nil {
		return err
	}
	w.show()
	quiet := time.NewTimer(idle)
	defer quiet.Stop()
	for {
		background, halt := context.WithCancel(ctx)
		better := make(chan func(), 1)
		go func() { better <- w.improve(background) }()
		var m move
		var update func()
		select {
		case m = <-moves:
		case update = <-better:
			better = nil
		case <-quiet.C:
			w.status = fmt.Sprintf("ended after %v without a move", idle)
			halt()
			return nil
		case <-ctx.Done():
			halt()
			return context.Cause(ctx)
		}
		if update == nil && better == nil { // nothing is left to improve
			halt()
			select {
			case m = <-moves:
			case <-quiet.C:
				w.status = fmt.Sprintf("ended after %v without a move", idle)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		halt()
		if better != nil {
			<-better // it stops within a step of the network
		}
		if update != nil {
			update()
			w.show()
			continue
		}
		quiet.Reset(idle)
		done, err := w.apply(ctx, m, moves)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			w.status = err.Error()
		}
		if done {
			return nil
		}
		w.show()
		// What came in meanwhile is answered at once; the pause is for the server.
		select {
		case <-time.After(pause - min(pause, w.spent)):
		case <-ctx.Done():
		}
	}
}

// apply does a move and those that have come in after it, and measures once.
func (w *whatIf) apply(ctx context.Context, m move, more <-chan move) (done bool, err error) {
	began := time.Now()
	before := w.plan
	w.status = ""
	for {
		w.number = max(w.number, m.Number)
		if m.Layer >= 0 && m.Layer <= len(w.m.Layers) {
			w.layer = m.Layer
		}
		switch m.Do {
		case "set":
			w.set(m)
		case "reset":
			w.plan = w.start
		case "take", "done":
			if err := TakeOver(w.plan); err != nil {
				return m.Do == "done", err
			}
			taken := w.plan
			w.taken = &taken
			w.status = "taken over: nb.Edited(study) gives this plan to the cells below"
			if m.Do == "done" {
				return true, nil
			}
		}
		select {
		case m = <-more:
			continue
		default:
		}
		break
	}
	if !w.plan.Equal(before) {
		err = w.measure(ctx)
	}
	w.spent = time.Since(began)
	return false, err
}

// set gives a layer, or all, the widths of a move; a width that the device does
// not offer to a tie leaves it as it is.
func (w *whatIf) set(m move) {
	for i := range w.m.Layers {
		if m.Layer != 0 && m.Layer != i+1 {
			continue
		}
		for role, ties := range w.ties(i) {
			bits := [...]*int{m.Weight, m.Activation}[role]
			for _, t := range ties {
				if bits == nil {
					continue
				}
				if scheme, ok := w.m.SchemeAt(t, *bits); ok {
					w.plan = w.plan.WithTie(t, scheme)
				}
			}
		}
	}
}

// ties is the ties of a layer's weight and of its activations.
func (w *whatIf) ties(layer int) (ties [2][]int) {
	l := w.m.Layers[layer]
	if l.Weight >= 0 {
		ties[0] = []int{w.m.Quantizers[l.Weight].Tie}
	}
	for _, a := range l.Activations {
		ties[1] = append(ties[1], w.m.Quantizers[a].Tie)
	}
	slices.Sort(ties[1])
	ties[1] = slices.Compact(ties[1])
	return ties
}

package nb

import (
	"fmt"
	"html"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/janpfeifer/gonb/gonbui"
)

// Progress returns a callback that shows a bar below the cell and moves it in
// place:
//
//	q.Config{Progress: nb.Progress("calibrating")}
//
// The bar appears only if the work takes more than a fifth of a second, moves
// at most ten times a second, and shrinks to one line when done reaches total.
// The callback may be called by several goroutines. Outside a notebook the bar
// is drawn on standard error if that is a terminal, and nowhere otherwise.
func Progress(label string) func(done, total int) {
	return NewProgress(label).Update
}

// A Bar is a progress bar that updates in place. A nil Bar does nothing.
type Bar struct {
	label string
	out   barOutput // nil if there is nowhere to draw
	now   func() time.Time

	mu          sync.Mutex
	done, total int
	start, last time.Time
	timer       *time.Timer
	shown       bool
	ended       bool
}

// A barOutput draws a state of the bar.
type barOutput interface {
	draw(b *Bar, at time.Time)
	end(b *Bar, at time.Time)
}

const (
	barDelay  = 200 * time.Millisecond // before a bar appears
	barPeriod = 100 * time.Millisecond // between two updates
)

// NewProgress makes a bar; see [Progress]. It is for work in several parts that
// end with [Bar.Done].
func NewProgress(label string) *Bar {
	b := &Bar{label: tidy(label), now: time.Now}
	switch {
	case notebook.live():
		b.out = &cellBar{id: "progress-" + gonbui.UniqueId()}
	case isTerminal(os.Stderr):
		b.out = &lineBar{w: os.Stderr}
	}
	return b
}

func isTerminal(f *os.File) bool {
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}

// Update moves the bar to done of total steps. A step back within the same
// total is ignored, since workers may report out of order. When done reaches
// total the bar ends; a later Update with another total begins it anew.
func (b *Bar) Update(done, total int) {
	if b == nil || b.out == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.now()
	if b.ended && total == b.total {
		return
	}
	if b.start.IsZero() || b.ended {
		b.start, b.ended = at, false
		b.done = 0
		if !b.shown {
			// Work that reports nothing for a while gets its bar too.
			b.timer = time.AfterFunc(barDelay, b.appear)
		}
	}
	if total != b.total {
		b.total, b.done = total, done
	}
	b.done = max(b.done, done)
	if total > 0 && b.done >= total {
		b.finish(at)
		return
	}
	if at.Sub(b.start) >= barDelay && at.Sub(b.last) >= barPeriod {
		b.last, b.shown = at, true
		b.out.draw(b, at)
	}
}

func (b *Bar) appear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended && !b.shown {
		b.last, b.shown = b.now(), true
		b.out.draw(b, b.last)
	}
}

// Done ends the bar where it stands.
func (b *Bar) Done() {
	if b == nil || b.out == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.finish(b.now())
	}
}

func (b *Bar) finish(at time.Time) {
	b.ended = true
	if b.timer != nil {
		b.timer.Stop()
	}
	if b.shown {
		b.out.end(b, at)
	}
}

// words describes the state: "12/60 · 3.2 s left".
func (b *Bar) words(at time.Time) string {
	spent := at.Sub(b.start)
	if b.total <= 0 {
		return fmt.Sprintf("%d · %s", b.done, seconds(spent))
	}
	s := fmt.Sprintf("%d/%d", b.done, b.total)
	if b.done > 0 {
		left := time.Duration(float64(spent) / float64(b.done) * float64(b.total-b.done))
		s += " · " + seconds(left) + " left"
	}
	return s
}

func (b *Bar) summary(at time.Time) string {
	s := fmt.Sprint(b.done)
	if b.total > 0 && b.done < b.total {
		s = fmt.Sprintf("%d/%d", b.done, b.total)
	}
	return fmt.Sprintf("%s: %s in %s", b.label, s, seconds(at.Sub(b.start)))
}

func (b *Bar) fraction() float64 {
	if b.total <= 0 {
		return 0
	}
	return min(1, max(0, float64(b.done)/float64(b.total)))
}

func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 99.5:
		return fmt.Sprintf("%.0f s", s)
	default:
		return fmt.Sprintf("%d min %02d s", int(s)/60, int(s)%60)
	}
}

// cellBar draws in a notebook's output, which it replaces each time.
type cellBar struct{ id string }

func (c *cellBar) draw(b *Bar, at time.Time) {
	pc := b.fraction() * 100
	words := b.words(at)
	c.put(fmt.Sprintf(`<div style="display:flex;align-items:center;gap:.8em;max-width:46em">`+
		`<span style="overflow-wrap:anywhere">%s</span>`+
		`<div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="%.0f" aria-label="%[1]s" style="flex:1;min-width:8em;height:.6em;border-radius:.3em;background:rgba(128,128,128,.3)">`+
		`<div style="width:%.1[2]f%%;height:100%%;border-radius:.3em;background:#0072b2"></div></div>`+
		`<span style="white-space:nowrap;font-variant-numeric:tabular-nums">%[3]s</span></div>`,
		html.EscapeString(b.label), pc, html.EscapeString(words)), b.label+": "+words)
}

func (c *cellBar) end(b *Bar, at time.Time) {
	s := b.summary(at)
	c.put(`<div style="opacity:.75">`+html.EscapeString(s)+`</div>`, s)
	notebook.sync()
}

func (c *cellBar) put(markup, text string) {
	notebook.send(bundle{data: map[string]any{"text/html": markup, "text/plain": text}}.message(c.id))
}

// lineBar draws on a terminal's line.
type lineBar struct{ w io.Writer }

func (l *lineBar) draw(b *Bar, at time.Time) {
	const wide = 24
	n := int(b.fraction() * wide)
	bar := make([]rune, wide)
	for i := range bar {
		bar[i] = '·'
		if i < n {
			bar[i] = '█'
		}
	}
	label := b.label
	if utf8.RuneCountInString(label) > 30 {
		label = string([]rune(label)[:29]) + "…"
	}
	fmt.Fprintf(l.w, "\r\x1b[K%s %s %s", label, string(bar), b.words(at))
}

func (l *lineBar) end(b *Bar, at time.Time) { fmt.Fprintf(l.w, "\r\x1b[K%s\n", b.summary(at)) }

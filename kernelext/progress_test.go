package nb

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func testBar(t *testing.T) (*Bar, *tape, *clock) {
	rec := record(t)
	c := &clock{time.Unix(1000, 0)}
	b := NewProgress("calibrating")
	b.now = c.now
	t.Cleanup(b.Done)
	return b, rec, c
}

func TestProgressMovesInPlaceAndEnds(t *testing.T) {
	b, rec, c := testBar(t)
	b.Update(0, 10)
	if b.timer.Stop(); len(rec.sent) != 0 {
		t.Fatal("the bar appeared at once")
	}
	for i := 1; i <= 10; i++ {
		c.at = c.at.Add(150 * time.Millisecond)
		b.Update(i, 10)
	}
	if len(rec.sent) != 9 { // 300 ms … 1,350 ms, and the end
		t.Errorf("%d displays, want 9", len(rec.sent))
	}
	id := rec.sent[0].DisplayID
	for i, d := range rec.sent {
		if d.DisplayID != id || id == "" {
			t.Errorf("display %d goes to %q, not to %q", i, d.DisplayID, id)
		}
	}
	if s := rec.sent[2].Data["text/html"].(string); !strings.Contains(s, `aria-valuenow="40"`) || !strings.Contains(s, "width:40.0%") || !strings.Contains(s, "4/10 · 0.9 s left") {
		t.Errorf("the third state is %s", s)
	}
	last := rec.sent[len(rec.sent)-1].Data
	if last["text/plain"] != "calibrating: 10 in 1.5 s" || strings.Contains(last["text/html"].(string), "progressbar") {
		t.Errorf("the bar ends as %v", last)
	}
	if rec.syncs != 1 || rec.after[0] != len(rec.sent) {
		t.Errorf("%d syncs after %v of %d displays, want one at the end", rec.syncs, rec.after, len(rec.sent))
	}
	b.Update(10, 10)
	b.Done()
	if n := len(rec.sent); n != 9 {
		t.Errorf("a finished bar sent %d more displays", n-9)
	}
}

func TestProgressIsThrottled(t *testing.T) {
	b, rec, c := testBar(t)
	for i := range 5000 { // five seconds
		b.Update(i, 10000)
		c.at = c.at.Add(time.Millisecond)
	}
	if n := len(rec.sent); n < 40 || n > 50 {
		t.Errorf("%d displays in five seconds, want at most ten a second", n)
	}
}

func TestProgressOfQuickWorkStaysSilent(t *testing.T) {
	b, rec, c := testBar(t)
	for i := range 11 {
		b.Update(i, 10)
		c.at = c.at.Add(time.Millisecond)
	}
	if len(rec.sent) != 0 {
		t.Errorf("work of ten milliseconds sent %d displays", len(rec.sent))
	}
}

func TestProgressShowsWorkThatReportsNothing(t *testing.T) {
	rec := record(t)
	b := NewProgress("slow")
	b.Update(0, 10)
	for range 200 {
		time.Sleep(10 * time.Millisecond)
		rec.mu.Lock()
		n := len(rec.sent)
		rec.mu.Unlock()
		if n > 0 {
			b.Done()
			return
		}
	}
	t.Error("no bar after two seconds")
}

func TestProgressNeverGoesBack(t *testing.T) {
	b, rec, c := testBar(t)
	for _, done := range []int{0, 5, 3, 6} {
		b.Update(done, 10)
		c.at = c.at.Add(time.Second)
	}
	if s := rec.sent[1].Data["text/plain"].(string); !strings.Contains(s, "5/10") {
		t.Errorf("after 5 and 3 of 10 the bar says %q", s)
	}
}

func TestProgressFromSeveralGoroutines(t *testing.T) {
	rec := record(t)
	report := Progress("parallel")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				report(w*100+i+1, 400)
			}
		})
	}
	wg.Wait()
	for _, d := range rec.sent {
		if d.DisplayID == "" {
			t.Error("a state without a place")
		}
	}
}

func TestProgressWithoutAPlaceDoesNothing(t *testing.T) {
	var b *Bar
	b.Update(1, 2)
	b.Done()
	(&Bar{}).Update(1, 2)
	(&Bar{}).Done()
}

func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	b := &Bar{label: strings.Repeat("x", 100), out: &lineBar{&out}, now: c.now}
	b.Update(0, 4)
	b.timer.Stop()
	c.at = c.at.Add(time.Second)
	b.Update(2, 4)
	if s := out.String(); !strings.Contains(s, "████████████············ 2/4 · 1.0 s left") || strings.Contains(s, "\n") {
		t.Errorf("the line is %q", s)
	}
	b.Update(4, 4)
	if !strings.HasSuffix(out.String(), ": 4 in 1.0 s\n") {
		t.Errorf("the line ends as %q", out.String())
	}
}

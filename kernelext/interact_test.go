package nb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
)

func demoStudy(t *testing.T) (*quantlib.Study, quantlib.Plan) {
	t.Helper()
	shape, test := []int{1, 28, 28}, demo.Test()
	s := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{Pixels: demo.Calibration().Pixels[:16*784], Shape: shape, Divide: 255},
		Test:        quantlib.Images{Pixels: test.Pixels[:40*784], Labels: test.Labels[:40], Shape: shape, Divide: 255},
		NoMemo:      true,
	}
	return s, quantlib.Must(s.Uniform(8, 8))
}

// browser makes the tape a notebook with a page: the kernel was started by a
// server, and say sends a move as the page does.
func browser(t *testing.T, rec *tape) (say func(m string)) {
	t.Setenv("JPY_SESSION_NAME", "a.ipynb")
	t.Setenv(Headless, "")
	t.Setenv(protocol.GONB_TMP_DIR_ENV, t.TempDir())
	n := 0
	return func(m string) {
		t.Helper()
		for range 2000 {
			rec.mu.Lock()
			for _, f := range rec.heard {
				rec.mu.Unlock()
				n++
				f(fmt.Sprintf(m, n))
				return
			}
			rec.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		t.Fatal("nobody listens to the page")
	}
}

// told waits for the news that answers move number n or a later one.
func told(t *testing.T, rec *tape, n int) news {
	t.Helper()
	for range 5000 {
		rec.mu.Lock()
		for i := len(rec.sent) - 1; i >= 0; i-- {
			var m news
			text, _ := rec.sent[i].Metadata["quantnb"].(string)
			if text != "" && json.Unmarshal([]byte(text), &m) == nil && m.Number >= n {
				rec.mu.Unlock()
				return m
			}
		}
		rec.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("move %d is not answered", n)
	return news{}
}

func TestInteractAnswersMovesAndHandsThePlanOver(t *testing.T) {
	rec := record(t)
	say := browser(t, rec)
	study, start := demoStudy(t)
	if _, err := Edited(study); !errors.Is(err, ErrNotEdited) {
		t.Fatalf("before anything was taken over Edited gives %v", err)
	}
	type result struct {
		p   quantlib.Plan
		err error
	}
	end := make(chan result, 1)
	go func() {
		p, err := Interact(context.Background(), study, start, Interaction{Layer: "block1/dw"})
		end <- result{p, err}
	}()
	say(`{"do":"hello","number":%d}`)
	say(`{"do":"set","number":%d,"layer":2,"weight":3}`)
	if m := told(t, rec, 2); m.Plan[2] != [2]int{3, 8} || m.Plan[0][0] != -1 || m.Plan[0][1] != 8 {
		t.Errorf("after a move to 3 bits the page is told %v", m.Plan[:3])
	}
	say(`{"do":"set","number":%d,"layer":0,"activation":0}`)
	if m := told(t, rec, 3); m.Plan[5] != [2]int{8, 0} {
		t.Errorf("all activations in float, and the page is told %v", m.Plan[5])
	}
	say(`{"do":"reset","number":%d,"layer":2}`)
	told(t, rec, 4)
	say(`{"do":"set","number":%d,"layer":2,"weight":4,"activation":99}`) // no such width: the activation stays
	say(`{"do":"take","number":%d,"layer":2}`)
	if m := told(t, rec, 6); !strings.Contains(m.Status, "taken over") {
		t.Errorf("the page is told %q", m.Status)
	}
	want := quantlib.Must(start.With("block1/dw", 4, -1))
	if got, err := Edited(study); err != nil || !got.Equal(want) {
		t.Errorf("the plan taken over is %v, %v", got.Diff(start), err)
	}
	say(`not JSON %d`)
	say(`{"do":"done","number":%d,"layer":7}`)
	select {
	case r := <-end:
		if r.err != nil || !r.p.Equal(want) {
			t.Errorf("Interact returns %v, %v", r.p.Diff(start), r.err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Interact does not end")
	}
	last := rec.sent[len(rec.sent)-1]
	if last.Data["image/png"] == nil || strings.Contains(fmt.Sprint(rec.sent[len(rec.sent)-2].Data["text/html"]), "<script") {
		t.Error("what stays in the notebook has no picture, or a script")
	}
}

func TestInteractEndsWhenNothingMovesOrTheContextStops(t *testing.T) {
	for _, c := range []struct {
		name string
		idle time.Duration
		stop bool
	}{{"idle", 30 * time.Millisecond, false}, {"stopped", time.Hour, true}} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			say := browser(t, rec)
			study, start := demoStudy(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			end := make(chan error, 1)
			go func() {
				_, err := Interact(ctx, study, start, Interaction{Idle: c.idle})
				end <- err
			}()
			say(`{"do":"hello","number":%d}`)
			if c.stop {
				told(t, rec, 0)
				cancel()
			}
			select {
			case err := <-end:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("Interact does not end")
			}
		})
	}
}

func TestInteractWithoutABrowserIsStill(t *testing.T) {
	old := browserWait
	browserWait = 20 * time.Millisecond
	defer func() { browserWait = old }()
	for _, c := range []struct {
		name, session, headless string
		displays                int
	}{
		{"a program runs the notebook", "", "", 1},
		{"the environment says so", "a.ipynb", "1", 1},
		{"no page answers", "a.ipynb", "", 2}, // the controls, and what replaces them
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			t.Setenv("JPY_SESSION_NAME", c.session)
			t.Setenv(Headless, c.headless)
			study, start := demoStudy(t)
			got, err := Interact(context.Background(), study, start, Interaction{Layer: "block1/dw"})
			if err != nil || !got.Equal(start) {
				t.Fatalf("Interact returns %v, %v", got.Diff(start), err)
			}
			if len(rec.sent) != c.displays {
				t.Fatalf("%d displays, want %d", len(rec.sent), c.displays)
			}
			d := rec.sent[c.displays-1].Data
			markup := d["text/html"].(string)
			if strings.Contains(markup, "<script") || strings.Count(markup, "<img ") != 17 || d["image/png"] == nil {
				t.Errorf("the still form has %d pictures, want 17: 1 to 16 bits, and float", strings.Count(markup, "<img "))
			}
			if !strings.Contains(markup, "block1/dw at 3 bits. SQNR ") {
				t.Error("the pictures do not say what they show")
			}
		})
	}
}

func TestInteractOutsideANotebookPrints(t *testing.T) {
	var b bytes.Buffer
	old := stdout
	stdout = func() io.Writer { return &b }
	defer func() { stdout = old }()
	study, start := demoStudy(t)
	if _, err := Interact(context.Background(), study, start); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "— 4 bits —\nAll layers at 4 bits\nSQNR ") {
		t.Errorf("printed %.300q", got)
	}
	os.Unsetenv(protocol.GONB_TMP_DIR_ENV)
	if err := TakeOver(start); err == nil {
		t.Error("a plan was taken over where there are no later cells")
	}
}

func TestInteractRefusesWhatIsNotItsModel(t *testing.T) {
	study, _ := demoStudy(t)
	_, other := demoStudy(t)
	ctx := context.Background()
	for name, f := range map[string]func() error{
		"a plan of another model": func() error { _, err := Interact(ctx, study, other); return err },
		"no study":                func() error { _, err := Interact(ctx, nil, other); return err },
		"no such layer": func() error {
			p := quantlib.Must(study.Uniform(8, 8))
			_, err := Interact(ctx, study, p, Interaction{Layer: "nope"})
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestControlsEscapeNames(t *testing.T) {
	study, start := demoStudy(t)
	w := quantlib.Must(newWhatIf(context.Background(), study, start, Interaction{}))
	w.m.Layers[0].Name = attack + `"'>` + strings.Repeat("x", 500)
	s := w.controls("/a")
	if strings.Count(s, "<script") != 1 || strings.Contains(s, "alert(1)</script>") || strings.ContainsAny(s, "\x1b\u202e") {
		t.Errorf("a name's markup stands in the controls: %.400s", s)
	}
}

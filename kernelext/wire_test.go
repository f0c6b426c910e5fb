package nb

import (
	"encoding/gob"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// tape is a notebook that keeps what it gets.
type tape struct {
	mu    sync.Mutex
	sent  []*protocol.DisplayData
	syncs int
	after []int // for each sync, how many displays had been sent
	heard map[string]func(string)
}

func (t *tape) live() bool { return true }
func (t *tape) send(d *protocol.DisplayData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, d)
}
func (t *tape) sync() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.syncs++
	t.after = append(t.after, len(t.sent))
}

func (t *tape) listen(address string, f func(string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.heard == nil {
		t.heard = map[string]func(string){}
	}
	t.heard[address] = f
}

// record puts a tape in the notebook's place for one test.
func record(t *testing.T) *tape {
	old := notebook
	t.Cleanup(func() { notebook = old })
	rec := new(tape)
	notebook = rec
	return rec
}

// TestShowReachesTheKernel sends through gonbui itself, over named pipes with a
// kernel's end that answers: it is the real encoding, and Sync must return.
func TestShowReachesTheKernel(t *testing.T) {
	dir := t.TempDir()
	out, back := filepath.Join(dir, "out"), filepath.Join(dir, "back")
	for _, p := range []string{out, back} {
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			t.Skipf("no named pipes here: %v", err)
		}
	}
	t.Setenv(protocol.GONB_PIPE_ENV, out)
	t.Setenv(protocol.GONB_PIPE_BACK_ENV, back)
	gonbui.IsNotebook = true
	t.Cleanup(func() { gonbui.IsNotebook = false })

	got := make(chan *protocol.DisplayData, 16)
	go func() {
		r, err := os.Open(out)
		if err != nil {
			return
		}
		w, err := os.OpenFile(back, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		dec, enc := gob.NewDecoder(r), gob.NewEncoder(w)
		for {
			d := new(protocol.DisplayData)
			if dec.Decode(d) != nil {
				return
			}
			if v, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
				enc.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: v.Value})
				continue
			}
			got <- d
		}
	}()

	done := make(chan bool)
	go func() {
		Show(figure())
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("Show did not return")
	}
	if err := gonbui.Error(); err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-got:
		for _, mime := range []protocol.MIMEType{"text/plain", "image/svg+xml", "image/png"} {
			if d.Data[mime] == nil {
				t.Errorf("the kernel got no %s", mime)
			}
		}
		if m, _ := d.Metadata["image/png"].(map[string]string); m["alt"] == "" || m["width"] == "" {
			t.Errorf("the kernel got metadata %v, without alt text or width", d.Metadata)
		}
	default:
		t.Error("Show returned before the kernel had the display")
	}
}

func mime(s string) protocol.MIMEType { return protocol.MIMEType(s) }

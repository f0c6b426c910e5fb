package resident

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/quantnb/quantnb/quantlib"
)

// SocketVariable names the environment variable in which cells find the socket.
const SocketVariable = "QUANTNB_RESIDENT_SOCKET"

const socketName = "host.sock"

// Host answers cells. Fill in the fields, then call Serve.
type Host struct {
	Build string // what this host was made of; see the function
	Bytes int64  // that what it keeps may take, by estimate
	// Starting is how long a connection may take to say what it wants, and to send
	// what it has announced; 0 means half a minute.
	Starting time.Duration

	keep store
	once sync.Once
}

// Listen opens the socket in a folder that it makes accessible to the user alone.
func Listen(dir string) (net.Listener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	return net.Listen("unix", filepath.Join(dir, socketName))
}

// Serve answers until ctx ends, then stops all work and returns when it has
// stopped.
func (h *Host) Serve(ctx context.Context, l net.Listener) error {
	h.once.Do(func() { h.keep.init(h.Bytes) })
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if !mayTalk(c) {
			c.Close()
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			h.talk(ctx, c)
		}()
	}
}

// talk is one connection.
func (h *Host) talk(ctx context.Context, c net.Conn) {
	t := &conversation{host: h, conn: c, r: bufio.NewReader(c), w: bufio.NewWriter(c)}
	defer func() { h.keep.release(t.held) }()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("resident: %v\n%s", p, debug.Stack())
			}
		}()
		return t.run(ctx)
	}()
	if err != nil {
		c.SetWriteDeadline(time.Now().Add(time.Second))
		writeGob(t.w, kindFailure, failure{err.Error()}) // if nobody listens any more, so be it
	}
}

type conversation struct {
	host *Host
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	held *study
}

func (h *Host) starting() time.Time {
	d := h.Starting
	if d == 0 {
		d = 30 * time.Second
	}
	return time.Now().Add(d)
}

func (t *conversation) run(ctx context.Context) error {
	t.conn.SetDeadline(t.host.starting())
	var hi hello
	if err := readJSON(t.r, kindHello, &hi); err != nil {
		return err
	}
	if err := writeGob(t.w, kindWelcome, welcome{Protocol, t.host.Build}); err != nil {
		return err
	}
	if hi.Protocol != Protocol || hi.Build != t.host.Build || hi.Build == "" {
		return errVersion
	}
	var q question
	if err := readJSON(t.r, kindOpen, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	if err := t.open(ctx, q); err != nil {
		return err
	}
	probe := t.held.probe
	if err := writeGob(t.w, kindReady, ready{probe.Samples(), probe.Bytes()}); err != nil {
		return err
	}
	for {
		t.conn.SetDeadline(time.Time{})
		var m measure
		if err := readJSON(t.r, kindMeasure, &m); err != nil {
			return err
		}
		var a quantlib.Accuracy
		err := t.whileHere(ctx, func(ctx context.Context) (err error) {
			a, err = t.held.measure(ctx, m)
			return err
		})
		if err != nil {
			return err
		}
		if err := writeGob(t.w, kindAccuracy, accuracy{a}); err != nil {
			return err
		}
	}
}

var errVersion = errors.New("resident: the cell and the kernel were made of different sources; quantnb lab, or quantnb install, makes the kernel anew")

// whileHere runs f with a context that ends when the cell goes away.
func (t *conversation) whileHere(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.conn.SetReadDeadline(time.Time{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := t.r.Peek(1); err != nil {
			cancel() // or the deadline below, when it does no harm
		}
	}()
	err := f(ctx)
	t.conn.SetReadDeadline(time.Unix(1, 0)) // which ends the Peek
	<-gone
	t.conn.SetReadDeadline(time.Time{})
	return err
}

// open finds or makes what the question asks for, and holds it.
func (t *conversation) open(ctx context.Context, q question) error {
	k := &t.host.keep
	key, err := q.key()
	if err != nil {
		return err
	}
	if t.held = k.find(key); t.held != nil {
		return nil
	}
	// One study is made at a time.
	err = t.whileHere(ctx, func(ctx context.Context) error {
		select {
		case k.making <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return err
	}
	defer func() { <-k.making }()
	if t.held = k.find(key); t.held != nil {
		return nil
	}
	estimate := q.size()
	model := k.model(q.Model)
	if model == nil {
		estimate += modelBytes(q.Bytes)
	}
	if err := k.room(estimate); err != nil {
		return err
	}
	if model == nil {
		if model, err = t.load(q); err != nil {
			return err
		}
	}
	data, err := t.receive(need{Data: true}, q.size())
	if err != nil {
		return err
	}
	s, err := q.study(model.model, data)
	if err != nil {
		return err
	}
	made := &study{key: key, study: s, model: model}
	err = t.whileHere(ctx, func(ctx context.Context) (err error) {
		last := time.Time{}
		s.Progress = func(what string, done, total int) {
			if now := time.Now(); done == total || now.Sub(last) > 50*time.Millisecond {
				last = now
				writeGob(t.w, kindProgress, progress{what, done, total})
			}
		}
		made.probe, err = s.Probe(ctx, q.Samples)
		s.Progress = nil
		return err
	})
	if err != nil {
		return err
	}
	made.bytes = q.size() + int64(made.probe.Bytes())
	if err := k.add(made); err != nil {
		return err
	}
	t.held = made
	return nil
}

// load is the model of a question: from its file, if that is what it was, and
// otherwise from the cell.
func (t *conversation) load(q question) (*model, error) {
	if q.Path != "" {
		if info, err := os.Stat(q.Path); err == nil && info.Mode().IsRegular() && info.Size() == int64(q.Bytes) {
			// Read, not mapped: the file may change while the host runs.
			if data, err := os.ReadFile(q.Path); err == nil && digestOf(data) == q.Model {
				return newModel(q.Model, data)
			}
		}
	}
	data, err := t.receive(need{Model: true}, int64(q.Bytes))
	if err != nil {
		return nil, err
	}
	if digestOf(data) != q.Model {
		return nil, errors.New("resident: the model is not the one that was asked for")
	}
	return newModel(q.Model, data)
}

// receive asks for bytes and waits for them.
func (t *conversation) receive(n need, size int64) ([]byte, error) {
	t.conn.SetDeadline(t.host.starting())
	if err := writeGob(t.w, kindNeed, n); err != nil {
		return nil, err
	}
	kind, data, err := readFrame(t.r, size)
	if err != nil {
		return nil, err
	}
	if kind != kindBytes || int64(len(data)) != size {
		return nil, fmt.Errorf("resident: %d bytes in a frame of kind %q where %d belong", len(data), kind, size)
	}
	t.conn.SetDeadline(time.Time{})
	return data, nil
}

// measure answers for one plan.
func (s *study) measure(ctx context.Context, m measure) (quantlib.Accuracy, error) {
	place, err := s.study.Map()
	if err != nil {
		return quantlib.Accuracy{}, err
	}
	p, err := place.ReadPlan(json.RawMessage(m.Plan))
	if err != nil {
		return quantlib.Accuracy{}, err
	}
	switch {
	case m.N < 0:
		return quantlib.Accuracy{}, fmt.Errorf("resident: a measure on %d samples", m.N)
	case m.N == 0:
		return s.probe.All(ctx, p)
	}
	return s.probe.First(ctx, p, m.N)
}

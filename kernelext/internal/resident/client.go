package resident

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/quantnb/quantnb/quantlib"
)

// ErrNoHost is that there is no host: outside a notebook, or where it was turned
// off.
var ErrNoHost = errors.New("resident: no host is beside this program")

// Client is a study in a host. Its methods may be called at the same time; they are
// answered in turn.
type Client struct {
	socket, build string
	question      question
	model         []byte
	data          [2]quantlib.Images
	tell          func(progress)

	mu   sync.Mutex
	conn net.Conn // nil between a stopped call and the next
	r    *bufio.Reader
	w    *bufio.Writer
	got  ready
}

// Open has the host that the environment names take up a study, as Study.Probe
// does with that number of samples. ErrNoHost is where it names none.
func Open(ctx context.Context, s *quantlib.Study, samples int) (*Client, error) {
	socket := os.Getenv(SocketVariable)
	if socket == "" {
		return nil, ErrNoHost
	}
	return open(ctx, socket, Build(), s, samples)
}

func open(ctx context.Context, socket, build string, s *quantlib.Study, samples int) (*Client, error) {
	if samples < 0 {
		samples = 0
	}
	c := &Client{socket: socket, build: build}
	var err error
	if c.question, c.model, c.data, err = ask(s, samples); err != nil {
		return nil, err
	}
	if tell := s.Progress; tell != nil {
		c.tell = func(p progress) { tell(p.What, p.Done, p.Total) }
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c, c.during(ctx, func() error { return nil })
}

// Samples is how many samples are kept.
func (c *Client) Samples() int { return c.got.Samples }

// Bytes is the memory that their values take in the host.
func (c *Client) Bytes() int { return c.got.Bytes }

// Close gives up the connection; the host keeps the study.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
}

func (c *Client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Measure is Probe.First with n samples, or Probe.All where n is 0. When ctx stops
// it, the host stops, and the error wraps ctx.Err.
func (c *Client) Measure(ctx context.Context, p quantlib.Plan, n int) (quantlib.Accuracy, error) {
	var a accuracy
	text, err := p.MarshalJSON()
	if err != nil {
		return a.Accuracy, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.during(ctx, func() error {
		if err := writeJSON(c.w, kindMeasure, measure{json.RawMessage(text), n}); err != nil {
			return err
		}
		return readGob(c.r, kindAccuracy, &a, c.tell)
	})
	return a.Accuracy, err
}

// during is f on a connection, which ctx closes.
func (c *Client) during(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("resident: %w", err)
	}
	err := func() error {
		fresh := c.conn == nil
		if fresh {
			conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", c.socket)
			if err != nil {
				return err
			}
			c.conn, c.r, c.w = conn, bufio.NewReader(conn), bufio.NewWriter(conn)
		}
		conn := c.conn
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer func() {
			if !stop() {
				c.close() // the next call makes another
			}
		}()
		if fresh {
			if err := c.begin(); err != nil {
				return err
			}
		}
		return f()
	}()
	if err != nil {
		c.close()
		if ctx.Err() != nil {
			return fmt.Errorf("resident: %w", ctx.Err())
		}
		return err
	}
	return nil
}

// begin is the talk until the host is ready.
func (c *Client) begin() error {
	if err := writeJSON(c.w, kindHello, hello{Protocol, c.build}); err != nil {
		return err
	}
	var w welcome
	if err := readGob(c.r, kindWelcome, &w, nil); err != nil {
		return err
	}
	if w.Protocol != Protocol || w.Build != c.build || c.build == "" {
		return errVersion
	}
	if err := writeJSON(c.w, kindOpen, c.question); err != nil {
		return err
	}
	for {
		kind, err := c.r.Peek(5)
		if err != nil {
			return err
		}
		if kind[4] != kindNeed {
			return readGob(c.r, kindReady, &c.got, c.tell)
		}
		var n need
		if err := readGob(c.r, kindNeed, &n, nil); err != nil {
			return err
		}
		data := c.model
		if n.Data {
			data = nil
			for _, m := range c.data {
				data = append(append(data, m.Pixels...), m.Labels...)
			}
		}
		if err := writeFrame(c.w, kindBytes, data); err != nil {
			return err
		}
		if err := c.w.Flush(); err != nil {
			return err
		}
	}
}

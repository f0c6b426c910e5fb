// Package resident keeps opened networks, with what they compute in float32, in
// one process beside the kernel, so that cells measure plans without loading them
// again.
package resident

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/quantnb/quantnb/quantlib"
)

// Protocol is the version of what follows. A cell and a host of different ones do
// not talk.
//
// Both sides send frames: the length of the payload (uint32, little-endian), a
// kind (a byte), the payload. What a cell sends is JSON, or the bytes of a model
// or of samples; what the host sends is gob. The cell says hello, the host
// welcome. The cell opens a question; the host needs bytes or none; it sends
// progress and then ready, or failure. From then on each measure is answered by an
// accuracy or a failure. When the connection closes, the work for it stops.
const Protocol = 1

const (
	kindHello    = 'h'
	kindOpen     = 'o'
	kindBytes    = 'b'
	kindMeasure  = 'm'
	kindWelcome  = 'w'
	kindNeed     = 'n'
	kindProgress = 'p'
	kindReady    = 'r'
	kindAccuracy = 'a'
	kindFailure  = 'f'
)

// maxFrame is the length of a payload that is not bytes of a model or of samples.
const maxFrame = 16 << 20

type hello struct {
	Protocol int
	Build    string // see Build
}

type welcome struct {
	Protocol int
	Build    string
}

// question is what a Study is made of.
type question struct {
	Model       string // SHA-256 of its bytes, hexadecimal
	Bytes       int    // of the model
	Path        string // absolute; "" if it came otherwise
	Rules       string // the profile as JSON; "" means simulation
	Calibration images
	Test        images
	Weight      method
	Activation  method
	Samples     int
	NoMemo      bool
}

// images is quantlib.Images; the pixels and labels follow as bytes.
type images struct {
	Key            string // "" where there are none
	Input          string
	Shape          []int
	Divide         float32
	Mean, Std      []float32
	Pixels, Labels int // bytes
}

// method is one of this module's own.
type method struct {
	Name     string
	Settings json.RawMessage `json:",omitempty"`
}

// need is what the cell must send, in this order.
type need struct{ Model, Data bool }

type progress struct {
	What        string
	Done, Total int
}

type ready struct{ Samples, Bytes int }

// measure asks for a plan: on the first N of the kept samples, on all test samples
// where N is 0.
type measure struct {
	Plan json.RawMessage
	N    int
}

type failure struct{ Text string }

type accuracy struct{ Accuracy quantlib.Accuracy }

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	if _, err := w.Write(append(head, kind)); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// readFrame reads a frame of at most limit bytes; memory is taken as they come in.
func readFrame(r io.Reader, limit int64) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > limit {
		return 0, nil, fmt.Errorf("resident: a frame of %d bytes, more than %d", n, limit)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, n); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return head[4], b.Bytes(), nil
}

// readJSON reads what a cell says.
func readJSON(r io.Reader, want byte, v any) error {
	kind, data, err := readFrame(r, maxFrame)
	if err != nil {
		return err
	}
	if kind != want {
		return fmt.Errorf("resident: a frame of kind %q where %q belongs", kind, want)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("resident: %w", err)
	}
	return nil
}

func writeJSON(w *bufio.Writer, kind byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > maxFrame {
		return fmt.Errorf("resident: %d bytes are too many to send", len(data))
	}
	if err := writeFrame(w, kind, data); err != nil {
		return err
	}
	return w.Flush()
}

func writeGob(w *bufio.Writer, kind byte, v any) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	if err := writeFrame(w, kind, b.Bytes()); err != nil {
		return err
	}
	return w.Flush()
}

// errRefused is a failure that the host tells of.
type errRefused string

func (e errRefused) Error() string { return "resident: the host says: " + string(e) }

// readGob reads the host's answer; progress on the way is told, and a failure is
// an errRefused.
func readGob(r io.Reader, want byte, v any, tell func(progress)) error {
	for {
		kind, data, err := readFrame(r, maxFrame)
		if err != nil {
			return err
		}
		decode := func(v any) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(v) }
		switch kind {
		case want:
			return decode(v)
		case kindProgress:
			var p progress
			if err := decode(&p); err != nil {
				return err
			}
			if tell != nil {
				tell(p)
			}
		case kindFailure:
			var f failure
			if err := decode(&f); err != nil {
				return err
			}
			return errRefused(f.Text)
		default:
			return fmt.Errorf("resident: the host sends a frame of kind %q where %q belongs", kind, want)
		}
	}
}

package resident

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	q "github.com/quantnb/quantnb/quantlib"
)

func TestHostileInputIsAnsweredOrDropped(t *testing.T) {
	h := &Host{Build: "b", Bytes: 1 << 30, Starting: 300 * time.Millisecond}
	socket := serve(t, h)
	var talk []byte // that of a cell that behaves, until the bytes of its model
	frame := func(kind byte, v any) []byte {
		data, ok := v.([]byte)
		if !ok {
			data, _ = json.Marshal(v)
		}
		return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(data))), kind), data...)
	}
	question, data, _, err := ask(embedded(4), 4)
	if err != nil {
		t.Fatal(err)
	}
	talk = append(frame(kindHello, hello{Protocol, "b"}), frame(kindOpen, question)...)
	wrong := question
	wrong.Model = strings.Repeat("0", 64)
	huge := question
	huge.Calibration.Pixels = 1 << 62
	negative := question
	negative.Test.Labels = -5
	garbage := append([]byte("this is not ONNX"), data[16:]...)
	of := question
	of.Model, of.Bytes = digestOf(garbage), len(garbage)
	open := func(q any) []byte { return append(frame(kindHello, hello{Protocol, "b"}), frame(kindOpen, q)...) }
	inputs := [][]byte{
		nil, {0}, {255, 255, 255, 255, 'h'}, frame('?', []byte("x")), frame(kindHello, []byte("{")), frame(kindHello, []byte("null")),
		talk, append(talk[:len(talk):len(talk)], frame(kindBytes, []byte("short"))...),
		append(talk[:len(talk):len(talk)], 255, 255, 255, 127, kindBytes),
		append(open(wrong), frame(kindBytes, data)...), append(open(of), frame(kindBytes, garbage)...),
		open(huge), open(negative), open(map[string]any{"Model": 7}), open(map[string]any{}),
	}
	for i := 0; i < len(talk); i += 1 + len(talk)/40 {
		inputs = append(inputs, talk[:i])
		bad := append([]byte(nil), talk...)
		bad[i] ^= 0xff
		inputs = append(inputs, bad)
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		noise := make([]byte, r.IntN(500))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		inputs = append(inputs, noise)
	}
	for i, in := range inputs {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatalf("after input %d: %v", i, err)
		}
		conn.Write(in)
		conn.(*net.UnixConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("input %d: the host neither answers nor hangs up", i)
				}
				break
			}
		}
		conn.Close()
	}
	// It serves on, and wrong measures end a conversation with a word.
	c, err := openStudy(t, socket)
	if err != nil {
		t.Fatal(err)
	}
	var refused errRefused
	for _, m := range []measure{{json.RawMessage(`{}`), 4}, {json.RawMessage(`[1]`), 4}, {json.RawMessage(`null`), -3}} {
		err := c.during(t.Context(), func() error {
			if err := writeJSON(c.w, kindMeasure, m); err != nil {
				return err
			}
			return readGob(c.r, kindAccuracy, &accuracy{}, nil)
		})
		if !errors.As(err, &refused) {
			t.Errorf("measure %+v: %v", m, err)
		}
	}
	if _, err := c.Measure(t.Context(), q.Must(embedded(4).Uniform(8, 8)), 4); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

package formattest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/formattest"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// recorder is a testing.TB that notes what fails.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// tiny is a format of this test: "TINY", a count, that many float32, and a line
// with the output's name; the network adds the numbers to its input.
func tiny(data []byte, _ string) (*graph.Graph, error) {
	if len(data) < 5 || string(data[:4]) != "TINY" {
		return nil, errors.New("tiny: no TINY at the beginning")
	}
	n, rest := int(data[4]), data[5:]
	if len(rest) < 4*n || len(rest) == 4*n || rest[len(rest)-1] != '\n' {
		return nil, fmt.Errorf("tiny: byte 5: cut short after %d of %d numbers and a line", len(rest)/4, n)
	}
	w := make([]float32, n)
	for i := range w {
		w[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	out := string(rest[4*n : len(rest)-1])
	g, err := graph.New(graph.Parts{
		Model:  &graph.Model{IRVersion: 8, Opsets: map[string]int{"": 13}},
		Inputs: []graph.Value{{Name: "x"}}, Outputs: []graph.Value{{Name: out}},
		Consts: []*graph.Const{{Name: "w", Tensor: tensor.Of(w, n)}},
		Nodes:  []*graph.Node{{Op: "Add", Inputs: []string{"x", "w"}, Outputs: []string{out}}},
	})
	if err != nil {
		return nil, fmt.Errorf("tiny: a bad name for the output")
	}
	return g, nil
}

var tinyFile = []byte("TINY\x02\x00\x00\x80\x3f\x00\x00\x00\x40sum\n")

func onnxFile(t *testing.T) []byte {
	g, err := tiny(tinyFile, "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOurParsersPass(t *testing.T) {
	t.Run("onnx", func(t *testing.T) { formattest.Parser(t, onnx.Decode, onnxFile(t)) })
	t.Run("tiny", func(t *testing.T) { formattest.Parser(t, tiny, tinyFile) })
}

func TestOurExportersPass(t *testing.T) {
	t.Run("onnx", func(t *testing.T) { formattest.Exporter(t, format.QDQ{}.Export, onnx.Decode) })
	t.Run("onnx up to opset 13", func(t *testing.T) { formattest.Exporter(t, format.QDQ{MaxOpset: 13}.Export, onnx.Decode) })
	t.Run("onnx up to opset 21", func(t *testing.T) { formattest.Exporter(t, format.QDQ{MaxOpset: 21}.Export, onnx.Decode) })
	t.Run("json", func(t *testing.T) { formattest.Exporter(t, format.JSON, nil) })
}

func TestBrokenParsersFail(t *testing.T) {
	calls := 0
	for _, c := range []struct {
		name, say string
		p         format.Parser
		files     [][]byte
	}{
		{"no file", "no file", tiny, nil},
		{"refuses the file", "TINY", tiny, [][]byte{[]byte("x")}},
		{"panics when cut short", "panics", func(data []byte, dir string) (*graph.Graph, error) {
			if len(data) > 5 && len(data) < 14 {
				_ = data[14]
			}
			return tiny(data, dir)
		}, [][]byte{tinyFile}},
		{"takes less for all", "another network", func(data []byte, dir string) (*graph.Graph, error) {
			if len(data) > 14 && data[len(data)-1] != '\n' {
				data = append(bytes.Clone(data), '\n')
			}
			return tiny(data, dir)
		}, [][]byte{tinyFile}},
		{"accepts an empty file", "empty", func(data []byte, dir string) (*graph.Graph, error) {
			if len(data) == 0 {
				data = tinyFile
			}
			return tiny(data, dir)
		}, [][]byte{tinyFile}},
		{"changes the bytes", "changes the bytes", func(data []byte, dir string) (*graph.Graph, error) {
			g, err := tiny(data, dir)
			if len(data) > 0 {
				data[0]++
			}
			return g, err
		}, [][]byte{tinyFile}},
		{"differs from call to call", "second time", func(data []byte, dir string) (*graph.Graph, error) {
			if calls++; len(data) == len(tinyFile) {
				data = bytes.Clone(data)
				data[6] = byte(calls)
			}
			return tiny(data, dir)
		}, [][]byte{tinyFile}},
		{"gives nothing", "neither", func([]byte, string) (*graph.Graph, error) { return nil, nil }, [][]byte{tinyFile}},
		{"echoes the file", "control characters", func(data []byte, dir string) (*graph.Graph, error) {
			g, err := tiny(data, dir)
			if err != nil {
				err = fmt.Errorf("bad file: %s", data)
			}
			return g, err
		}, [][]byte{tinyFile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{TB: t}
			formattest.Parser(r, c.p, c.files...)
			wants(t, r, c.say)
		})
	}
}

func wants(t *testing.T, r *recorder, say string) {
	t.Helper()
	if all := strings.Join(r.failures, "\n"); !strings.Contains(all, say) {
		t.Errorf("want a failure that says %q, got:\n%.2000s", say, all)
	}
}

func TestBrokenExportersFail(t *testing.T) {
	good := format.QDQ{}.Export
	calls := 0
	for _, c := range []struct {
		name, say string
		e         format.Exporter
	}{
		{"supports nothing", "8 bits", func(io.Writer, *format.Network) error { return errors.ErrUnsupported }},
		{"writes nothing", "nothing is written", func(io.Writer, *format.Network) error { return nil }},
		{"panics", "panics", func(io.Writer, *format.Network) error { panic("no") }},
		{"writes before it looks", "have been written", func(w io.Writer, n *format.Network) error {
			if _, err := w.Write([]byte("head")); err != nil {
				return err
			}
			return good(w, n)
		}},
		{"hides what it cannot do", "errors.ErrUnsupported", func(w io.Writer, n *format.Network) error {
			if err := good(w, n); errors.Is(err, errors.ErrUnsupported) {
				return errors.New("no")
			} else {
				return err
			}
		}},
		{"drops the writer's error", "does not wrap the writer's", func(w io.Writer, n *format.Network) error {
			var b bytes.Buffer
			if err := good(&b, n); err != nil {
				return err
			}
			w.Write(b.Bytes())
			return nil
		}},
		{"differs from call to call", "other bytes", func(w io.Writer, n *format.Network) error {
			calls++
			var b bytes.Buffer
			if err := good(&b, n); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "%s%d", b.Bytes(), calls)
			return err
		}},
		{"changes the scales", "changes the network", func(w io.Writer, n *format.Network) error {
			defer func() {
				for _, p := range n.Params {
					for i := range p.Scale {
						p.Scale[i] *= 2
					}
				}
			}()
			return good(w, n)
		}},
		{"loses the quantizers", "from the simulation", func(w io.Writer, n *format.Network) error {
			data, err := onnx.Encode(n.Graph())
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
		{"shifts the zero points", "from the simulation", func(w io.Writer, n *format.Network) error {
			m := *n
			m.Params = nil
			for i, p := range n.Params {
				if len(p.Zero) == 1 && !n.Plan.Scheme(i).IsFloat32() && n.Plan.Scheme(i).Asymmetric && n.Plan.Scheme(i).Bits > 2 {
					p = quant.One(p.Scale[0], p.Zero[0]/2)
				}
				m.Params = append(m.Params, p)
			}
			return good(w, &m)
		}},
		{"renames the input", "read again as", func(w io.Writer, n *format.Network) error {
			g, err := format.QDQ{}.Graph(n)
			if err != nil {
				return err
			}
			e := g.Edit()
			in := g.Inputs()[0]
			e.Rewire(in.Name, "renamed")
			in.Name = "renamed"
			e.SetInputs(in)
			if g, err = e.Graph(); err != nil {
				return err
			}
			data, err := onnx.Encode(g)
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
		{"cannot be read", "cannot be read", func(w io.Writer, n *format.Network) error {
			_, err := w.Write([]byte("not ONNX"))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{TB: t}
			formattest.Exporter(r, c.e, onnx.Decode)
			wants(t, r, c.say)
		})
	}
}

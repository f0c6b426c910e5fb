package hardware

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
)

// Read decodes a profile from JSON and validates it. Field names are those of
// the struct tags; a field that does not exist, a value of the wrong type and
// anything after the profile are errors that name the place. Schemes are written
// as quant.ParseScheme reads them: "int8 per-channel".
func Read(r io.Reader) (*Profile, error) {
	p := new(Profile)
	if err := decode(r, p); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// ReadMeasured decodes a measured table: a JSON list of measurements.
func ReadMeasured(r io.Reader) ([]Measurement, error) {
	var m []Measurement
	if err := decode(r, &m); err != nil {
		return nil, err
	}
	if err := validMeasured(m); err != nil {
		return nil, fmt.Errorf("hardware: %w", err)
	}
	return m, nil
}

// Open reads a profile from a file.
func Open(path string) (*Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hardware: %w", err)
	}
	defer f.Close()
	p, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Write encodes the profile as JSON that Read decodes to an equal profile.
func (p *Profile) Write(w io.Writer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		return fmt.Errorf("hardware: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// maxProfile is far beyond any profile or table that a person makes.
const maxProfile = 64 << 20

func decode(r io.Reader, v any) error {
	data, err := io.ReadAll(io.LimitReader(r, maxProfile+1))
	if err != nil {
		return fmt.Errorf("hardware: %w", err)
	}
	if len(data) > maxProfile {
		return fmt.Errorf("hardware: more than %d bytes of JSON", maxProfile)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("hardware: %s%w", place(data, err, d.InputOffset()), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("hardware: %sunexpected data after the value", place(data, nil, d.InputOffset()))
	}
	return nil
}

// place names the line of an error, and the field where the decoder tells it.
func place(data []byte, err error, offset int64) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	field := ""
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
		if kind.Field != "" {
			field = fmt.Sprintf("field %q: ", kind.Field)
		}
	}
	offset = min(offset, int64(len(data)))
	return fmt.Sprintf("line %d: %s", 1+bytes.Count(data[:offset], []byte("\n")), field)
}

// Validate returns an error that names every field which makes no sense, by its
// JSON path.
func (p *Profile) Validate() error {
	var bad []error
	fail := func(path, format string, args ...any) {
		bad = append(bad, fmt.Errorf("hardware: profile %q: %s: %s", p.Name, path, fmt.Sprintf(format, args...)))
	}
	if p.Name == "" {
		fail("name", "is empty")
	}
	var ops []string
	for op := range p.Ops {
		ops = append(ops, op)
	}
	sort.Strings(ops)
	for _, op := range ops {
		o := p.Ops[op]
		path := "ops." + op
		if op == "" {
			fail("ops", "an operator without a name")
		}
		for i, r := range o.Inputs {
			if !slices.Contains([]Role{Keep, Activation, Weight, Either, Bias}, r) {
				fail(fmt.Sprintf("%s.inputs[%d]", path, i), "unknown role %q", r)
			}
		}
		if !slices.ContainsFunc(o.Inputs, func(r Role) bool { return r != Keep }) {
			fail(path+".inputs", "no input is quantized")
		}
		if len(o.Weights) > 0 {
			validWidths(path+".weights", o.Weights, fail)
		}
	}
	for i, op := range p.Pass {
		if op == "" || slices.Contains(p.Pass[:i], op) {
			fail(fmt.Sprintf("pass[%d]", i), "%q is empty or named twice", op)
		}
		if _, ok := p.Ops[op]; ok {
			fail(fmt.Sprintf("pass[%d]", i), "%s is in ops as well", op)
		}
	}
	for i, f := range p.Fuse {
		if len(f.Ops) < 2 || skippable(f.Ops) {
			fail(fmt.Sprintf("fuse[%d].ops", i), "a pattern needs two operators, one of them not optional")
		}
		for j, op := range f.Ops {
			if slices.Contains(strings.Split(strings.TrimSuffix(op, "?"), "|"), "") {
				fail(fmt.Sprintf("fuse[%d].ops[%d]", i, j), "%q names no operator", op)
			}
		}
	}
	seen := map[string]bool{}
	for i, t := range p.Ties {
		if len(t.Ops) == 0 {
			fail(fmt.Sprintf("ties[%d].ops", i), "is empty")
		}
		if !t.Inputs && !t.Outputs {
			fail(fmt.Sprintf("ties[%d]", i), "ties neither inputs nor outputs")
		}
		for j, op := range t.Ops {
			if op == "" || seen[op] {
				fail(fmt.Sprintf("ties[%d].ops[%d]", i, j), "%q is empty or has a rule already", op)
			}
			seen[op] = true
		}
	}
	p.Weights.validate("weights", len(p.Ops) > 0, fail)
	p.Activations.validate("activations", len(p.Ops) > 0, fail)
	if err := p.Biases.Validate(); err != nil {
		fail("biases", "%v", err)
	}
	for i, u := range p.Units {
		path := fmt.Sprintf("units[%d]", i)
		validWidths(path+".weight", []int{u.Weight}, fail)
		validWidths(path+".activation", []int{u.Activation}, fail)
		if !(u.MACs > 0) || math.IsInf(u.MACs, 0) {
			fail(path+".macs", "%v is not a speed", u.MACs)
		}
		for _, v := range p.Units[:i] {
			if v.Weight == u.Weight && v.Activation == u.Activation {
				fail(path, "%d by %d bits has a unit already", u.Weight, u.Activation)
			}
		}
	}
	if len(p.Storage) > 0 {
		validWidths("storage", p.Storage, fail)
	}
	for _, f := range []struct {
		path string
		v    float64
	}{{"memory", p.Memory}, {"pack", p.Pack}, {"elementwise", p.Elementwise}, {"launch", p.Launch}} {
		if !(f.v >= 0) || math.IsInf(f.v, 0) {
			fail(f.path, "%v is not a finite number from 0 up", f.v)
		}
	}
	if err := validMeasured(p.Measured); err != nil {
		bad = append(bad, fmt.Errorf("hardware: profile %q: %w", p.Name, err))
	}
	return errors.Join(bad...)
}

func (o Operand) validate(path string, need bool, fail func(path, format string, args ...any)) {
	if len(o.Widths) == 0 && !need {
		return
	}
	validWidths(path+".widths", o.Widths, fail)
	for _, b := range o.Widths {
		if b < 1 || b > 16 {
			continue // reported, or Float32
		}
		if _, err := o.At(b); err != nil {
			fail(path+".scheme", "at %d bits: %v", b, err)
		}
	}
	for i, f := range o.Formats {
		if err := f.Validate(); err != nil || f.IsFloat32() {
			fail(fmt.Sprintf("%s.formats[%d]", path, i), "%v is no format of codes: %v", f, err)
		}
	}
}

func validWidths(path string, widths []int, fail func(path, format string, args ...any)) {
	if len(widths) == 0 {
		fail(path, "no width")
	}
	for i, b := range widths {
		if (b < 1 || b > 16) && b != Float32 {
			fail(path, "%d bits; widths are 1..16, and %d for float32", b, Float32)
		}
		if i > 0 && b <= widths[i-1] {
			fail(path, "%d after %d: widths ascend", b, widths[i-1])
		}
	}
}

func validMeasured(list []Measurement) error {
	type place struct {
		node, op, class string
		w, a            int
	}
	seen := map[place]int{}
	for i, m := range list {
		key := place{m.Node, m.Op, m.Class, m.WeightBits, m.ActivationBits}
		if m.Node != "" {
			key.op, key.class = "", ""
		}
		at, twice := seen[key]
		switch {
		case m.Node == "" && m.Op == "":
			return fmt.Errorf("measured[%d]: names neither a node nor an operator", i)
		case !(m.Seconds >= 0) || math.IsInf(m.Seconds, 0):
			return fmt.Errorf("measured[%d].seconds: %v is not a time", i, m.Seconds)
		case m.WeightBits < 0 || m.ActivationBits < 0:
			return fmt.Errorf("measured[%d]: negative width", i)
		case twice:
			return fmt.Errorf("measured[%d]: the same as measured[%d]", i, at)
		}
		seen[key] = i
	}
	return nil
}

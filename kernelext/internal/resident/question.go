package resident

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
)

// ask is a study as a question, with the bytes that a host may need. It is an
// error, wrapping errors.ErrUnsupported, if a part of the study is code of the
// cell's own.
func ask(s *quantlib.Study, samples int) (q question, model []byte, data [2]quantlib.Images, err error) {
	no := func(what string) error {
		return fmt.Errorf("resident: %s stays in the cell: %w", what, errors.ErrUnsupported)
	}
	if s == nil || s.Model == nil || s.Calibration == nil {
		return q, nil, data, errors.New("resident: a Study needs a Model and Calibration samples")
	}
	path, model, err := s.Model.File()
	if err != nil {
		return q, nil, data, fmt.Errorf("resident: the model: %w", err)
	}
	if model == nil {
		return q, nil, data, no("a model that did not come from ONNX")
	}
	sum := sha256.Sum256(model)
	q = question{Model: hex.EncodeToString(sum[:]), Bytes: len(model), Samples: samples, NoMemo: s.NoMemo}
	if path != "" {
		if q.Path, err = filepath.Abs(path); err != nil {
			q.Path = ""
		}
	}
	if s.Profile != nil {
		var b bytes.Buffer
		if err := s.Profile.Write(&b); err != nil {
			return q, nil, data, err
		}
		q.Rules = b.String()
	}
	for i, x := range []struct {
		samples quantlib.Samples
		to      *images
	}{{s.Calibration, &q.Calibration}, {s.Test, &q.Test}} {
		switch m := x.samples.(type) {
		case nil:
			continue
		case quantlib.Images:
			data[i] = m
		case *quantlib.Images:
			if m == nil {
				return q, nil, data, no("samples that are a nil *Images")
			}
			data[i] = *m
		default:
			return q, nil, data, no(fmt.Sprintf("a data set of type %T", m))
		}
		m := data[i]
		*x.to = images{m.Key(), m.Input, m.Shape, m.Divide, m.Mean, m.Std, len(m.Pixels), len(m.Labels)}
	}
	if q.Weight, err = methodOf(s.Methods.Weight); err == nil {
		q.Activation, err = methodOf(s.Methods.Activation)
	}
	return q, model, data, err
}

func methodOf(m observe.Method) (method, error) {
	var name string
	switch m.(type) {
	case nil:
		return method{}, nil
	case observe.MSE:
		name = "MSE"
	case observe.MinMax:
		name = "MinMax"
	case observe.MovingAverage:
		name = "MovingAverage"
	case observe.Percentile:
		name = "Percentile"
	case observe.KL:
		name = "KL"
	case quantlib.LayerOutput:
		name = "LayerOutput"
	default:
		return method{}, fmt.Errorf("resident: the method %v stays in the cell: %w", m, errors.ErrUnsupported)
	}
	settings, err := json.Marshal(m)
	return method{name, settings}, err
}

func (m method) value() (observe.Method, error) {
	switch m.Name {
	case "":
		return nil, nil
	case "MSE":
		return settings[observe.MSE](m)
	case "MinMax":
		return settings[observe.MinMax](m)
	case "MovingAverage":
		return settings[observe.MovingAverage](m)
	case "Percentile":
		return settings[observe.Percentile](m)
	case "KL":
		return settings[observe.KL](m)
	case "LayerOutput":
		return settings[quantlib.LayerOutput](m)
	}
	return nil, fmt.Errorf("resident: there is no method %q", m.Name)
}

func settings[M observe.Method](m method) (observe.Method, error) {
	var v M
	if err := json.Unmarshal(m.Settings, &v); err != nil {
		return nil, fmt.Errorf("resident: method %s: %w", m.Name, err)
	}
	return v, nil
}

// key tells questions apart. The path is left out: the same bytes are the same
// model.
func (q question) key() (string, error) {
	q.Path = ""
	data, err := json.Marshal(q)
	sum := sha256.Sum256(data)
	return string(sum[:]), err
}

// check is an error if what is claimed cannot be.
func (q question) check() error {
	if q.Bytes <= 0 || q.Calibration.Key == "" || q.Samples < 0 {
		return errors.New("resident: the question lacks a model or samples")
	}
	for _, m := range []images{q.Calibration, q.Test} {
		if m.Pixels < 0 || m.Labels < 0 {
			return errors.New("resident: a negative number of bytes")
		}
	}
	return nil
}

// size is the bytes of the samples.
func (q question) size() int64 {
	return int64(q.Calibration.Pixels) + int64(q.Calibration.Labels) + int64(q.Test.Pixels) + int64(q.Test.Labels)
}

// restore is the samples whose pixels and labels are at the front of data.
func (m images) restore(data []byte) (x quantlib.Images, rest []byte, err error) {
	if int64(m.Pixels)+int64(m.Labels) > int64(len(data)) {
		return x, nil, errors.New("resident: bytes of samples are missing")
	}
	x = quantlib.Images{Input: m.Input, Shape: m.Shape, Divide: m.Divide, Mean: m.Mean, Std: m.Std, Pixels: data[:m.Pixels:m.Pixels]}
	if data = data[m.Pixels:]; m.Labels > 0 {
		x.Labels = data[:m.Labels:m.Labels]
	}
	if x.Key() != m.Key {
		return x, nil, errors.New("resident: the samples are not those that were asked for")
	}
	return x, data[m.Labels:], nil
}

// study is what is asked about, on a model that the host has.
func (q question) study(m *quantlib.Model, data []byte) (*quantlib.Study, error) {
	s := &quantlib.Study{Model: m, NoMemo: q.NoMemo}
	calibration, data, err := q.Calibration.restore(data)
	if err != nil {
		return nil, err
	}
	s.Calibration = calibration
	if q.Test.Key != "" {
		test, _, err := q.Test.restore(data)
		if err != nil {
			return nil, err
		}
		s.Test = test
	}
	if q.Rules != "" {
		if s.Profile, err = hardware.Read(bytes.NewReader([]byte(q.Rules))); err != nil {
			return nil, err
		}
	}
	if s.Methods.Weight, err = q.Weight.value(); err == nil {
		s.Methods.Activation, err = q.Activation.value()
	}
	return s, err
}

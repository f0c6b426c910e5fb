package quantlib

import (
	"bytes"
	"encoding/gob"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// numerics is the version of everything that a stored result depends on beside
// its inputs. It goes up with each change that alters a bit of any result.
const numerics = 6

// recall is what compute makes for a question about the study's model and data,
// from the store where it was asked before.
func recall[T any](s *Study, p parts, question string, compute func() (*T, error), restore func([]byte) (*T, error), marshal func(*T) ([]byte, error)) (*T, error) {
	store, key := s.memo(p, question)
	if data, ok := store.Get(key); ok {
		if v, err := restore(data); err == nil {
			return v, nil
		}
	}
	v, err := compute()
	if err != nil || store == memo.Off {
		return v, err
	}
	if data, err := marshal(v); err == nil {
		// A store that cannot be written to costs time, not the result.
		_ = store.Put(key, data)
	}
	return v, nil
}

// memo is the store and the key of a question; memo.Off where the answer does
// not depend on content alone.
func (s *Study) memo(p parts, question string) (*memo.Store, memo.Key) {
	if s.NoMemo || !s.Model.known {
		return memo.Off, memo.Key{}
	}
	calibration, test := keyOf(p.calibration), keyOf(p.test)
	if calibration == "" || test == "" || !s.Methods.Known() {
		return memo.Off, memo.Key{}
	}
	store, err := memo.Default()
	if err != nil {
		return memo.Off, memo.Key{}
	}
	if p.model.profile != nil {
		question += "\nprofile " + p.model.rules
	}
	return store, memo.KeyOf(numerics, s.Model.key(), calibration, test, question)
}

// keepRanges lets the ranges that st will be asked for be looked up in the store:
// those of weights under the model's content, so that other samples and profiles
// find them too.
func (s *Study) keepRanges(st *calibrate.Stats, p parts) {
	if s.NoMemo || !s.Model.known {
		return
	}
	store, err := memo.Default()
	if err != nil {
		return
	}
	network, samples := memo.KeyOf(numerics, s.Model.key(), "ranges"), memo.Key{}
	if key := keyOf(p.calibration); key != "" {
		samples = memo.KeyOf(network, key, p.model.rules)
	}
	st.Keep(store, network, samples)
}

func keyOf(data Samples) string {
	switch b := data.(type) {
	case bound:
		return b.key()
	case boundLabeled:
		return b.key()
	}
	return ""
}

func restore[T any](data []byte) (*T, error) {
	v := new(T)
	return v, gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

func store[T any](v *T) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

// fileKey is the key of a model's file, and of the tensors whose elements stand in
// files beside it: what those are called and where in them elements stand says the
// file, so their bytes are all that is missing.
func fileKey(data []byte, outside []*tensor.Tensor) memo.Key {
	parts := []any{data}
	for _, t := range outside {
		if err := t.Err(); err != nil {
			parts = append(parts, err.Error()) // nothing will be computed of it
			continue
		}
		parts = append(parts, t.Bytes())
	}
	return memo.KeyOf(parts...)
}

package calibrate

import (
	"encoding/binary"
	"math"

	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Keep lets ranges outlive the program: those whose search takes long are looked
// up in the store before they are searched, and added to it afterwards. These are
// a weight's, except by observe.MinMax, under the key network, which stands for
// the content of the network (not the profile) and the version of the numerics;
// and those of LayerOutput, and of an activation by a rule of one's own, under the
// key samples, which stands for the profile and the calibration samples too. A
// key of zeros keeps none of its kind. A rule of one's own takes part if it states
// its key (see Methods.Known). Each method and scheme has a memo.Series; a record
// that is damaged or does not fit is not used.
//
// Keep must be called before the first use of s.
func (s *Stats) Keep(store *memo.Store, network, samples memo.Key) {
	s.store, s.network, s.sampled, s.kept = store, network, samples, map[memo.Key]*keptRanges{}
}

// keptRanges is what a store holds for one method and scheme.
type keptRanges struct {
	series *memo.Series
	known  map[string]quant.Params
}

// keptFor is the stored ranges that those of a set of quantizers belong to, nil if
// they are not stored. s.mu must be held.
func (s *Stats) keptFor(members []int, m observe.Method, scheme quant.Scheme) *keptRanges {
	if s.store == memo.Off || !known(m) {
		return nil
	}
	role := s.m.Quantizers[members[0]].Role
	_, output := m.(LayerOutput)
	_, shared := m.(observe.Shared)
	_, quick := m.(observe.MinMax)
	network := s.network
	switch {
	case output || role == plan.Activation && !shared:
		network = s.sampled
	case role == plan.Activation || quick:
		return nil
	}
	if network == (memo.Key{}) {
		return nil
	}
	key := memo.KeyOf(network, "ranges", role.String(), nameOf(m), scheme.String())
	k := s.kept[key]
	if k == nil {
		k = &keptRanges{series: s.store.Series(key), known: map[string]quant.Params{}}
		for _, r := range k.series.Records() {
			if name, p, ok := decodeRange(r); ok {
				k.known[name] = p
			}
		}
		s.kept[key] = k
	}
	return k
}

// recordName says which tensors a range is for, and how they are cut up.
func (s *Stats) recordName(members []int) string {
	var b []byte
	for _, k := range members {
		q := s.m.Quantizers[k]
		b = binary.AppendUvarint(b, uint64(len(q.Value)))
		b = append(b, q.Value...)
		b = binary.AppendVarint(binary.AppendVarint(b, int64(q.Axis)), int64(q.Group))
	}
	return string(b)
}

// find is the stored range of a set of quantizers.
func (s *Stats) find(k *keptRanges, members []int, scheme quant.Scheme) (quant.Params, bool) {
	p, ok := k.known[s.recordName(members)]
	if !ok {
		return p, false
	}
	granules := len(p.Scale)
	if q := s.m.Quantizers[members[0]]; q.Role == plan.Weight {
		granules = quant.For(s.m.Graph.Const(q.Value).Shape(), q.Axis, q.Group, scheme).Granules()
	} else if scheme.Granularity == quant.PerTensor {
		granules = 1
	}
	return p, p.Validate(scheme, granules) == nil
}

// encodeRange is a range as a record: the length of its name, the number of
// scales and whether there are zero points (uint32 each), the name, and scales and
// zero points as their 32 bits, all little-endian.
func encodeRange(name string, p quant.Params) []byte {
	le, zeros := binary.LittleEndian, uint32(0)
	if p.Zero != nil {
		zeros = 1
	}
	b := make([]byte, 0, 12+len(name)+8*len(p.Scale))
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, uint32(len(name))), uint32(len(p.Scale))), zeros)
	b = append(b, name...)
	for _, v := range p.Scale {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range p.Zero {
		b = le.AppendUint32(b, uint32(v))
	}
	return b
}

func decodeRange(b []byte) (name string, p quant.Params, ok bool) {
	if len(b) < 12 {
		return "", p, false
	}
	le := binary.LittleEndian
	length, n, zeros := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[8:]))
	if b = b[12:]; zeros > 1 || uint64(len(b)) != length+4*n*(1+zeros) {
		return "", p, false
	}
	name, b = string(b[:length]), b[length:]
	p.Scale = make([]float32, n)
	for i := range p.Scale {
		p.Scale[i] = math.Float32frombits(le.Uint32(b[4*i:]))
	}
	if b = b[4*n:]; zeros == 1 {
		p.Zero = make([]int32, n)
		for i := range p.Zero {
			p.Zero[i] = int32(le.Uint32(b[4*i:]))
		}
	}
	return name, p, true
}

package observe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// collectorMagic begins the stored form: the name and the version of it.
const collectorMagic = "QNBOBS1\n"

// AppendBinary appends the stored form of c to b: little-endian counts and
// extremes, the batches, then the occupied bins in ascending order as varints.
// Collectors which have seen the same values have the same bytes. The error is
// always nil.
func (c *Collector) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, collectorMagic...)
	b = append(b, byte(c.fine))
	for _, v := range []uint64{c.finite, c.zeros, c.nan, c.inf[0], c.inf[1], uint64(c.next)} {
		b = binary.AppendUvarint(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(c.min))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(c.max))
	b = binary.AppendUvarint(b, uint64(len(c.batches)))
	for _, e := range c.batches {
		b = binary.AppendUvarint(b, uint64(e.batch))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.lo))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.hi))
	}
	last := -1
	for i, block := range c.blocks {
		for k, v := range block {
			if v.n == 0 {
				continue
			}
			at := i<<c.fine + k
			b = binary.AppendUvarint(b, uint64(at-last))
			b = binary.AppendUvarint(b, v.n)
			b = binary.AppendVarint(b, v.sum)
			b = binary.AppendUvarint(b, v.sq)
			last = at
		}
	}
	return binary.AppendUvarint(b, 0), nil
}

// MarshalBinary returns the stored form; see AppendBinary.
func (c *Collector) MarshalBinary() ([]byte, error) { return c.AppendBinary(nil) }

// UnmarshalBinary makes c what AppendBinary stored. Bytes that are damaged,
// contradict themselves or go on after the end are an error, and c is unchanged.
func (c *Collector) UnmarshalBinary(data []byte) error {
	n, err := decodeCollector(data)
	if err != nil {
		return fmt.Errorf("observe: stored collector: %w", err)
	}
	*c = *n
	return nil
}

var errShort = errors.New("it ends early")

// reader takes numbers off the front of data; after a failure it gives zeros.
type reader struct {
	data []byte
	err  error
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.data, r.err = nil, errShort
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.data, r.err = nil, errShort
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) float() float32 {
	if len(r.data) < 4 {
		r.data, r.err = nil, errShort
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.data))
	r.data = r.data[4:]
	return v
}

func decodeCollector(data []byte) (*Collector, error) {
	if len(data) < len(collectorMagic)+1 || string(data[:len(collectorMagic)]) != collectorMagic {
		return nil, errors.New("it does not begin with its name and version")
	}
	c := &Collector{fine: int(data[len(collectorMagic)])}
	if c.fine != tensorFine && c.fine != channelFine {
		return nil, fmt.Errorf("bins of 2^-%d", c.fine)
	}
	r := &reader{data: data[len(collectorMagic)+1:]}
	c.finite, c.zeros, c.nan = r.uvarint(), r.uvarint(), r.uvarint()
	c.inf[0], c.inf[1] = r.uvarint(), r.uvarint()
	next := r.uvarint()
	c.min, c.max = r.float(), r.float()
	batches := r.uvarint()
	if next > math.MaxInt32 || batches > keepBatches || batches > next {
		return nil, fmt.Errorf("%d batches, the next being %d", batches, next)
	}
	c.next = int(next)
	for range batches {
		e := extremes{batch: int(min(r.uvarint(), math.MaxInt32)), lo: r.float(), hi: r.float()}
		if r.err == nil && (e.batch >= c.next || len(c.batches) > 0 && e.batch <= c.batches[len(c.batches)-1].batch ||
			!(c.min <= e.lo && e.lo <= e.hi && e.hi <= c.max)) {
			return nil, fmt.Errorf("batch %d with %v..%v", e.batch, e.lo, e.hi)
		}
		c.batches = append(c.batches, e)
	}
	if err := c.decodeBins(r); err != nil {
		return nil, err
	}
	if (c.finite > 0) != (len(c.batches) > 0) {
		return nil, fmt.Errorf("%d values in %d batches", c.finite, len(c.batches))
	}
	return c, nil
}

// decodeBins reads the occupied bins, and holds them to the counts.
func (c *Collector) decodeBins(r *reader) error {
	last, total := -1, c.zeros
	half := int64(1) << (22 - c.fine)
	for {
		step := r.uvarint()
		if r.err != nil {
			return r.err
		}
		if step == 0 {
			break
		}
		b := bin{n: r.uvarint(), sum: r.varint(), sq: r.uvarint()}
		if r.err != nil {
			return r.err
		}
		if step > uint64(len(c.blocks)<<c.fine-1-last) {
			return errors.New("a bin beyond the last")
		}
		last += int(step)
		n, sum, sq := float64(b.n), float64(b.sum), float64(b.sq)
		if b.n == 0 || math.Abs(sum) > n*float64(half) || sq > n*float64(half)*float64(half) || sum*sum > n*sq*(1+1e-9) {
			return fmt.Errorf("bin %d: %d values with impossible sums", last, b.n)
		}
		block := &c.blocks[last>>c.fine]
		if *block == nil {
			*block = make([]bin, 1<<c.fine)
		}
		(*block)[last&(1<<c.fine-1)] = b
		if total += b.n; total < b.n {
			return errors.New("counts overflow")
		}
	}
	if len(r.data) > 0 {
		return fmt.Errorf("%d bytes after the end", len(r.data))
	}
	if total != c.finite {
		return fmt.Errorf("bins hold %d values, the count is %d", total, c.finite)
	}
	if c.finite > 0 && !(c.min <= c.max && c.min >= -math.MaxFloat32 && c.max <= math.MaxFloat32) {
		return fmt.Errorf("extremes %v..%v", c.min, c.max)
	}
	return nil
}

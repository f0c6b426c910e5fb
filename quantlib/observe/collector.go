package observe

import (
	"fmt"
	"math"
	"slices"
)

// Collector counts float32 values in bins whose width is a fixed fraction of
// the value: a bin is the set of floats with the same sign, exponent and top
// mantissa bits. So the range of the data need not be known beforehand, an
// outlier of 10^6 costs nothing, and no bin is ever split or joined. Each bin
// keeps its count and the sums of its low mantissa bits and their squares, all
// integers: count, mean and variance of every bin are exact, and the result
// does not depend on the order of the values, or on the order in which parts
// are merged, to the bit.
//
// Memory is bounded by the number format, not by the number of values: bins
// come in blocks of one binade of one sign (3 kB; a layer's activations take
// 20 to 60 of them). A bin is exact up to 2^30 values.
//
// The zero Collector is not usable; NewCollector makes one. Calls that only
// read may run at the same time; Observe and Merge may not.
type Collector struct {
	fine    int                  // mantissa bits that tell bins apart
	blocks  [2 * exponents][]bin // by sign and exponent; nil until hit
	finite  uint64               // values that are neither NaN nor infinite, zeros included
	zeros   uint64
	nan     uint64
	inf     [2]uint64 // +Inf, -Inf
	min     float32   // of the finite values; valid if finite > 0
	max     float32
	batches []extremes // ascending numbers, the greatest keepBatches of them
	next    int        // the number of the next batch that has none
}

const (
	exponents   = 255 // of finite float32 values
	tensorFine  = 7   // 128 bins a binade: relative width 2^-7
	channelFine = 5   // 32 bins a binade, for one collector per channel
	keepBatches = 1024
)

// bin counts values v = ±(base + (low)·ulp), low < 2^(23-fine), by
// d = low - 2^(22-fine).
type bin struct {
	n   uint64
	sum int64  // Σd
	sq  uint64 // Σd²
}

// extremes are the least and the greatest finite value of one batch.
type extremes struct {
	batch  int
	lo, hi float32
}

// NewCollector returns an empty collector with 128 bins for each power of two.
func NewCollector() *Collector { return &Collector{fine: tensorFine} }

// Observe counts x as a batch whose number is one more than the greatest so
// far, starting at 0.
func (c *Collector) Observe(x []float32) { c.ObserveBatch(c.next, x) }

// ObserveBatch counts x as a part of the given batch. Batch numbers matter only
// to MovingAverage. It panics if batch is negative.
func (c *Collector) ObserveBatch(batch int, x []float32) {
	if batch < 0 {
		panic(fmt.Sprintf("observe: batch %d", batch))
	}
	c.next = max(c.next, batch+1)
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	shift := uint(23 - c.fine)
	mask := uint32(1)<<shift - 1
	center := int64(1) << (shift - 1)
	top := uint32(1)<<c.fine - 1
	var zeros, special uint64
	for _, v := range x {
		bits := math.Float32bits(v)
		if bits<<1 == 0 {
			zeros++
			continue
		}
		e := bits >> 23 // sign and exponent
		if e&0xFF == 0xFF {
			special++
			c.special(v)
			continue
		}
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		block := c.blocks[e-e>>8]
		if block == nil {
			block = make([]bin, top+1)
			c.blocks[e-e>>8] = block
		}
		b := &block[bits>>shift&top]
		d := int64(bits&mask) - center
		b.n++
		b.sum += d
		b.sq += uint64(d * d)
	}
	if zeros > 0 {
		lo, hi = min(lo, 0), max(hi, 0)
		c.zeros += zeros
	}
	if lo > hi {
		return // no finite value
	}
	if c.finite == 0 {
		c.min, c.max = lo, hi
	} else {
		c.min, c.max = min(c.min, lo), max(c.max, hi)
	}
	c.finite += uint64(len(x)) - special
	c.addBatch(extremes{batch, lo, hi})
}

func (c *Collector) special(v float32) {
	switch {
	case v != v:
		c.nan++
	case v > 0:
		c.inf[0]++
	default:
		c.inf[1]++
	}
}

// addBatch keeps the extremes of the greatest batch numbers.
func (c *Collector) addBatch(e extremes) {
	i, found := slices.BinarySearchFunc(c.batches, e.batch, func(a extremes, batch int) int { return a.batch - batch })
	if found {
		b := &c.batches[i]
		b.lo, b.hi = min(b.lo, e.lo), max(b.hi, e.hi)
		return
	}
	if len(c.batches) == keepBatches {
		if i == 0 {
			return
		}
		copy(c.batches, c.batches[1:i])
		c.batches[i-1] = e
		return
	}
	c.batches = slices.Insert(c.batches, i, e)
}

// Merge adds what o has collected to c and leaves o alone. It fails if the two
// have bins of different width, as those of NewCollector and NewChannels have.
func (c *Collector) Merge(o *Collector) error {
	if c.fine != o.fine {
		return fmt.Errorf("observe: cannot merge %d bins a binade into %d", 1<<o.fine, 1<<c.fine)
	}
	for i, from := range o.blocks {
		if from == nil {
			continue
		}
		if c.blocks[i] == nil {
			c.blocks[i] = make([]bin, len(from))
		}
		to := c.blocks[i]
		for j, b := range from {
			to[j].n += b.n
			to[j].sum += b.sum
			to[j].sq += b.sq
		}
	}
	if o.finite > 0 {
		if c.finite == 0 {
			c.min, c.max = o.min, o.max
		} else {
			c.min, c.max = min(c.min, o.min), max(c.max, o.max)
		}
	}
	c.finite += o.finite
	c.zeros += o.zeros
	c.nan += o.nan
	c.inf[0] += o.inf[0]
	c.inf[1] += o.inf[1]
	for _, e := range o.batches {
		c.addBatch(e)
	}
	c.next = max(c.next, o.next)
	return nil
}

// Count is the number of finite values, zeros included.
func (c *Collector) Count() uint64 { return c.finite }

// Zeros is the number of values equal to 0.
func (c *Collector) Zeros() uint64 { return c.zeros }

// NaN is the number of NaN, which no range takes into account.
func (c *Collector) NaN() uint64 { return c.nan }

// Inf is the number of infinities of either sign, which no range takes into
// account.
func (c *Collector) Inf() uint64 { return c.inf[0] + c.inf[1] }

// Extremes returns the least and the greatest finite value, or ErrNoData.
func (c *Collector) Extremes() (least, greatest float32, err error) {
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	return c.min, c.max, nil
}

package observe

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// Channels are the collectors of a tensor's channels. They have 32 bins for
// each power of two, so that hundreds of them fit in memory (20 to 40 kB each).
type Channels []*Collector

// NewChannels returns n empty collectors.
func NewChannels(n int) Channels {
	c := make(Channels, n)
	for i := range c {
		c[i] = &Collector{fine: channelFine}
	}
	return c
}

// ObserveBatch counts x as a part of the given batch. x is row-major
// [outer, len(c), inner]: inner is the number of elements that follow each
// other in one channel, H·W of an NCHW tensor. It panics if inner is less than
// 1, len(x) is not a multiple of len(c)·inner, or batch is negative.
func (c Channels) ObserveBatch(batch int, x []float32, inner int) {
	if inner < 1 || len(c) == 0 || len(x)%(len(c)*inner) != 0 {
		panic(fmt.Sprintf("observe: %d elements are no [outer, %d channels, %d]", len(x), len(c), inner))
	}
	if inner >= 8 {
		for i := 0; len(x) > 0; i, x = (i+1)%len(c), x[inner:] {
			c[i].ObserveBatch(batch, x[:inner])
		}
		return
	}
	row := len(c) * inner
	column := make([]float32, 0, len(x)/len(c))
	for i := range c {
		column = column[:0]
		for at := i * inner; at < len(x); at += row {
			column = append(column, x[at:at+inner]...)
		}
		c[i].ObserveBatch(batch, column)
	}
}

// Merge adds what o has collected, channel by channel. It fails if the numbers
// of channels differ.
func (c Channels) Merge(o Channels) error {
	if len(c) != len(o) {
		return fmt.Errorf("observe: cannot merge %d channels into %d", len(o), len(c))
	}
	for i := range c {
		if err := c[i].Merge(o[i]); err != nil {
			return err
		}
	}
	return nil
}

// Params returns the parameters that m chooses, one for each channel. A channel
// without a finite value gets those of zeros; ErrNoData is returned only if no
// channel has any. It panics if s is float32 or not valid.
func (c Channels) Params(m Shared, s quant.Scheme) (quant.Params, error) {
	p := quant.Params{Scale: make([]float32, len(c))}
	if s.Asymmetric {
		p.Zero = make([]int32, len(c))
	}
	seen := false
	for i, one := range c {
		var lo, hi float32
		if one.finite > 0 {
			seen = true
			var err error
			if lo, hi, err = m.Range(one, s); err != nil {
				return quant.Params{}, fmt.Errorf("channel %d: %w", i, err)
			}
		}
		scale, zero := quant.ParamsFromRange(lo, hi, s)
		p.Scale[i] = scale
		if p.Zero != nil {
			p.Zero[i] = zero
		}
	}
	if !seen {
		return quant.Params{}, ErrNoData
	}
	return p, nil
}

package plan

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// BOPs is the number of bit operations of one run, the sum over the layers of
//
//	MACs · bits of the one operand · bits of the other
//
// where macs is multiply-accumulates by layer, in the order of Map.Layers. The
// operands are the weight and the activation, or the two activations of a product
// without weight; float32 counts 32 bits, and so does a second operand that has
// no quantizer.
//
// It panics if len(macs) is not the number of layers, if a count is negative, or
// if the sum does not fit an int64.
func (p Plan) BOPs(macs []int64) int64 {
	if len(macs) != len(p.m.Layers) {
		panic(fmt.Sprintf("plan: MACs of %d layers for a network of %d", len(macs), len(p.m.Layers)))
	}
	var sum uint64
	for i, l := range p.m.Layers {
		if macs[i] < 0 {
			panic(fmt.Sprintf("plan: layer %q: %d MACs", l.Name, macs[i]))
		}
		operands := l.Activations
		if l.Weight >= 0 {
			operands = append([]int{l.Weight}, operands...)
		}
		product := uint64(1)
		for k := range 2 {
			width := 32
			if k < len(operands) {
				width = p.Scheme(operands[k]).Width()
			}
			product *= uint64(width)
		}
		hi, lo := bits.Mul64(uint64(macs[i]), product)
		next, carry := bits.Add64(sum, lo, 0)
		if sum = next; hi != 0 || carry != 0 || sum > math.MaxInt64 {
			panic(fmt.Sprintf("plan: layer %q: more bit operations than an int64 holds", l.Name))
		}
	}
	return int64(sum)
}

// MeanActivationBits is the mean width over all activations, Σ elements·width /
// Σ elements, where elements is how many each tie has, by its place in Map.Ties;
// those of weights are left out, and float32 counts 32 bits. How many there are
// depends on the sizes of the inputs, which the map does not know; see
// quantlib.Study.Costs. It is 0 without elements.
//
// It panics if len(elements) is not the number of ties, or if a count is negative.
func (p Plan) MeanActivationBits(elements []int64) float64 {
	if len(elements) != len(p.m.Ties) {
		panic(fmt.Sprintf("plan: elements of %d ties for a network of %d", len(elements), len(p.m.Ties)))
	}
	bits, n := 0.0, 0.0
	for i, t := range p.m.Ties {
		if elements[i] < 0 {
			panic(fmt.Sprintf("plan: tie %q: %d elements", t.Name, elements[i]))
		}
		if t.Role == Activation {
			bits += float64(elements[i]) * float64(p.schemes[i].Width())
			n += float64(elements[i])
		}
	}
	if n == 0 {
		return 0
	}
	return bits / n
}

// depthRange reads "2", "0-3" and "4-".
func depthRange(text string) (lo, hi int, err error) {
	first, last, dash := strings.Cut(text, "-")
	lo, err = strconv.Atoi(first)
	switch {
	case err != nil:
	case !dash:
		hi = lo
	case last == "":
		hi = math.MaxInt
	default:
		hi, err = strconv.Atoi(last)
	}
	if err == nil && (lo < 0 || hi < lo) {
		err = errors.New("bounds ascend from 0")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("plan: selector %q: write depth:2, depth:0-3 or depth:4-: %w", "depth:"+text, err)
	}
	return lo, hi, nil
}

package sense

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// head says what a classifier's output is, as its file has it.
type head uint8

const (
	logits           head = iota // scores of classes before a softmax, or of unknown meaning
	probabilities                // after Softmax
	logProbabilities             // after LogSoftmax
)

// headOf looks at what makes the first output, through operators that only move
// elements.
func headOf(g *graph.Graph) head {
	if len(g.Outputs()) == 0 {
		return logits
	}
	name := g.Outputs()[0].Name
	for range len(g.Nodes()) {
		n := g.Producer(name)
		if n == nil || !graph.IsStandard(n.Domain) {
			return logits
		}
		switch n.Op {
		case "Softmax":
			return probabilities
		case "LogSoftmax":
			return logProbabilities
		case "Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout":
			name = n.Input(0)
		default:
			return logits
		}
	}
	return logits
}

// leastProbability is the smallest normal float32: what a softmax has rounded to
// less counts as this, 87.3 nats.
const leastProbability = 0x1p-126

// crossEntropy is the loss -log p(label) of one sample, in nats:
//
//	log Σ_k exp(x_k) - x_label   for logits
//	-log max(x_label, 2^-126)    for probabilities
//	-x_label                     for their logarithms
//
// It is NaN where the label is none of the classes, or the output is NaN.
func (h head) crossEntropy(x []float32, label int) float64 {
	if label < 0 || label >= len(x) {
		return math.NaN()
	}
	at := float64(x[label])
	switch h {
	case probabilities:
		return -math.Log(max(at, leastProbability))
	case logProbabilities:
		return -at
	}
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + (top - at)
}

package quant

// Format is a row of Formats.
type Format struct {
	Name   string // what ParseScheme reads
	Scheme Scheme
	ONNX   string // the narrowest ONNX element type that holds the codes
	// MinSQNR is a lower bound in dB of what the format reaches on a unit
	// Gaussian (its absolute value, where the format is unsigned) when the
	// scale is the best one. The tests hold every row to it.
	MinSQNR float64
}

// Formats lists every number format, one row each: all integer widths and the
// 8-bit floats, per tensor.
var Formats = []Format{
	{"int1", Int(1), "INT2", 0},
}

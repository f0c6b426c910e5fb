package quant

// Format is a row of Formats.
type Format struct {
	Name   string // what ParseScheme reads
	Scheme Scheme
	ONNX   string // the narrowest ONNX element type that holds the codes
	// MinSQNR is a lower bound in dB of what the format reaches on a unit
	// Gaussian, or on its absolute value for unsigned codes without a zero point,
	// when the scale is the best one. The tests hold every row to it.
	MinSQNR float64
}

// Formats lists every number format, one row each, per tensor. A bit more is
// worth 5.3 dB at the narrow widths, where the best clip cuts deep, and 6 dB at
// the wide ones, where it hardly cuts. The limits are the measured values, less
// 0.2 dB for another sample, rounded down to half a dB.
var Formats = []Format{
	{"int1", Int(1), "INT2", 4.0},
	{"int2", Int(2), "INT2", 8.0},
	{"int3", Int(3), "INT4", 13.5},
	{"int4", Int(4), "INT4", 19.0},
	{"int5", Int(5), "INT8", 24.0},
	{"int6", Int(6), "INT8", 29.0},
	{"int7", Int(7), "INT8", 34.0},
	{"int8", Int(8), "INT8", 39.5},
	{"int9", Int(9), "INT16", 45.5},
	{"int10", Int(10), "INT16", 51.0},
	{"int11", Int(11), "INT16", 57.0},
	{"int12", Int(12), "INT16", 63.0},
	{"int13", Int(13), "INT16", 69.5},
	{"int14", Int(14), "INT16", 75.5},
	{"int15", Int(15), "INT16", 81.5},
	{"int16", Int(16), "INT16", 87.5},
	{"uint1", Uint(1), "UINT2", 2.0},
	{"uint2", Uint(2), "UINT2", 8.0},
	{"uint3", Uint(3), "UINT4", 13.5},
	{"uint4", Uint(4), "UINT4", 19.0},
	{"uint5", Uint(5), "UINT8", 24.0},
	{"uint6", Uint(6), "UINT8", 29.0},
	{"uint7", Uint(7), "UINT8", 34.0},
	{"uint8", Uint(8), "UINT8", 39.5},
	{"uint9", Uint(9), "UINT16", 45.5},
	{"uint10", Uint(10), "UINT16", 51.0},
	{"uint11", Uint(11), "UINT16", 57.0},
	{"uint12", Uint(12), "UINT16", 63.0},
	{"uint13", Uint(13), "UINT16", 69.5},
	{"uint14", Uint(14), "UINT16", 75.5},
	{"uint15", Uint(15), "UINT16", 81.5},
	{"uint16", Uint(16), "UINT16", 87.5},
	{"uint1 sym", Scheme{Bits: 1, Unsigned: true}, "UINT2", 7.0},
	{"uint2 sym", Scheme{Bits: 2, Unsigned: true}, "UINT2", 13.0},
	{"uint3 sym", Scheme{Bits: 3, Unsigned: true}, "UINT4", 18.5},
	{"uint4 sym", Scheme{Bits: 4, Unsigned: true}, "UINT4", 24.0},
	{"uint5 sym", Scheme{Bits: 5, Unsigned: true}, "UINT8", 29.0},
	{"uint6 sym", Scheme{Bits: 6, Unsigned: true}, "UINT8", 34.0},
	{"uint7 sym", Scheme{Bits: 7, Unsigned: true}, "UINT8", 39.5},
	{"uint8 sym", Scheme{Bits: 8, Unsigned: true}, "UINT8", 45.5},
	{"uint9 sym", Scheme{Bits: 9, Unsigned: true}, "UINT16", 51.0},
	{"uint10 sym", Scheme{Bits: 10, Unsigned: true}, "UINT16", 57.0},
	{"uint11 sym", Scheme{Bits: 11, Unsigned: true}, "UINT16", 63.0},
	{"uint12 sym", Scheme{Bits: 12, Unsigned: true}, "UINT16", 69.5},
	{"uint13 sym", Scheme{Bits: 13, Unsigned: true}, "UINT16", 75.5},
	{"uint14 sym", Scheme{Bits: 14, Unsigned: true}, "UINT16", 81.5},
	{"uint15 sym", Scheme{Bits: 15, Unsigned: true}, "UINT16", 87.5},
	{"uint16 sym", Scheme{Bits: 16, Unsigned: true}, "UINT16", 93.5},
	{"float8e4m3fn", FP8(E4M3FN), "FLOAT8E4M3FN", 31.0},
	{"float8e5m2", FP8(E5M2), "FLOAT8E5M2", 25.0},
}

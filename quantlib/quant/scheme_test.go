package quant

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestSchemeNotation(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  Scheme
		canon string // String of want, where it differs from text
	}{
		{"float", Scheme{}, ""},
		{"float32", Scheme{}, "float"},
		{"int4", Int(4), ""},
		{"int8 asym", Scheme{Bits: 8, Asymmetric: true}, ""},
		{"int8 narrow", Scheme{Bits: 8, Narrow: true}, ""},
		{"uint8", Uint(8), ""},
		{"uint8 sym", Scheme{Bits: 8, Unsigned: true}, ""},
		{"int1", Int(1), ""},
		{"int32", Int(32), ""},
		{"int4 per-channel", Int(4).PerChannel(), ""},
		{"int4 per-group=32", Int(4).PerGroup(32), ""},
		{"int4,per-group=32,sym", Int(4).PerGroup(32), "int4 per-group=32"},
		{"uint16 per-tensor half-even asym", Uint(16), "uint16"},
		{"int8 pow2 per-channel toward-zero", Scheme{Bits: 8, Granularity: PerChannel, PowerOfTwo: true, Round: TowardZero}, "int8 per-channel pow2 toward-zero"},
		{"int8 stochastic=7", Scheme{Bits: 8, Round: Stochastic, Seed: 7}, ""},
		{"int8 stochastic", Scheme{Bits: 8, Round: Stochastic}, "int8 stochastic=0"},
		{"float8e4m3fn per-channel", FP8(E4M3FN).PerChannel(), ""},
		{"float8e5m2", FP8(E5M2), ""},
	} {
		got, err := ParseScheme(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v", c.text, plain(got), err)
			continue
		}
		if c.canon == "" {
			c.canon = c.text
		}
		if got.String() != c.canon {
			t.Errorf("%q prints as %q, want %q", c.text, got, c.canon)
		}
	}
}

func TestSchemeErrorsNameTheWord(t *testing.T) {
	for text, word := range map[string]string{
		"":                             "empty",
		"bf16":                         `"bf16"`,
		"int0":                         "width",
		"int08":                        "width",
		"int17":                        "17 bits",
		"int300":                       "width",
		"int-4":                        "width",
		"uint32":                       "32 bits",
		"int8 fast":                    `"fast"`,
		"int8 sym asym":                `"asym"`,
		"int8 per-group":               "per-group=32",
		"int8 per-group=0":             "group size 0",
		"int8 per-group=x":             "per-group=x",
		"int8 narrow=1":                "takes no value",
		"int1 asym":                    "one signed bit",
		"uint8 narrow":                 "narrow",
		"float per-channel":            "per-channel",
		"float8e5m2 narrow":            "float8e5m2",
		"int8 per-channel per-channel": "granularity",
	} {
		if _, err := ParseScheme(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: error %v does not mention %s", text, err, word)
		}
	}
}

func TestSchemeIsAJSONStringAndMapKey(t *testing.T) {
	in := map[Scheme][]Scheme{Int(4).PerChannel(): {Uint(8), {}, FP8(E4M3FN)}}
	data, err := json.Marshal(in)
	if err != nil || string(data) != `{"int4 per-channel":["uint8","float","float8e4m3fn"]}` {
		t.Fatalf("%s, %v", data, err)
	}
	var out map[Scheme][]Scheme
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for i, s := range out[Int(4).PerChannel()] {
		if s != in[Int(4).PerChannel()][i] {
			t.Errorf("%v became %v", in, out)
		}
	}
	if _, err := json.Marshal(Int(99)); err == nil {
		t.Error("a scheme that is not valid was stored")
	}
	var s Scheme
	if err := json.Unmarshal([]byte(`"int99"`), &s); err == nil || s != (Scheme{}) {
		t.Errorf("int99 was read as %v, %v", s, err)
	}
}

func FuzzParseScheme(f *testing.F) {
	for _, row := range Formats {
		f.Add(row.Name)
	}
	f.Add("int4 per-group=32 pow2 stochastic=18446744073709551615")
	f.Add("uint8 sym,narrow")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScheme(text)
		if err != nil {
			if s != (Scheme{}) {
				t.Errorf("%q: an error and %+v", text, plain(s))
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := ParseScheme(s.String())
		if err != nil || again != s {
			t.Errorf("%q prints as %q, which reads as %+v, %v", text, s, plain(again), err)
		}
	})
}

func TestRanges(t *testing.T) {
	for bits := 2; bits <= 16; bits++ {
		lo, hi := Int(bits).Range()
		if hi-lo+1 != 1<<bits || lo != -hi-1 {
			t.Errorf("int%d: %d..%d", bits, lo, hi)
		}
		if lo, hi := Uint(bits).Range(); lo != 0 || hi != 1<<bits-1 {
			t.Errorf("uint%d: %d..%d", bits, lo, hi)
		}
		if lo, hi := (Scheme{Bits: bits, Narrow: true}).Range(); lo != -hi {
			t.Errorf("int%d narrow: %d..%d", bits, lo, hi)
		}
	}
	if lo, hi := Int(32).Range(); lo != math.MinInt32 || hi != math.MaxInt32 {
		t.Errorf("int32: %d..%d", lo, hi)
	}
}

// Every finite bit pattern survives decoding and encoding, and halfway points
// go to the even one of their neighbours.
func TestFloat8(t *testing.T) {
	for _, f := range []Float{E4M3FN, E5M2} {
		var last float32 = -1
		for c := range int32(128) {
			v := f.decode(uint8(c))
			if v != v || v > math.MaxFloat32 {
				continue
			}
			if got := int32(f.encode(v)); got != c {
				t.Errorf("%v: code %#x is %v, which encodes to %#x", f, c, v, got)
			}
			if got := int32(f.encode(-v)); v != 0 && got != c|0x80 {
				t.Errorf("%v: -%v encodes to %#x", f, v, got)
			}
			if v <= last {
				t.Errorf("%v: code %#x is %v, not above %v", f, c, v, last)
			}
			if last >= 0 {
				var got [1]int32
				Quantize(got[:], []float32{(last + v) / 2}, 1, 0, FP8(f))
				if got[0] != c-c&1 && got[0] != c-1+(c-1)&1 {
					t.Errorf("%v: halfway below %#x goes to %#x", f, c, got[0])
				}
				if got[0]&1 != 0 {
					t.Errorf("%v: halfway below %#x goes to the odd %#x", f, c, got[0])
				}
			}
			last = v
		}
		if float64(last) != f.Max() {
			t.Errorf("%v: largest value %v", f, last)
		}
		// The fast row equals the plain definition on everything.
		x := interesting()
		got := make([]float32, len(x))
		f.fakeRow(got, x, 0.75)
		for i, v := range x {
			want := f.round(v/0.75, FP8(f), i, v) * 0.75
			if math.Float32bits(got[i]) != math.Float32bits(want) && (got[i] == got[i] || want == want) {
				t.Fatalf("%v: x = %v: %v, want %v", f, v, got[i], want)
			}
		}
	}
	if E4M3FN.encode(1.5) != 0x3C || E5M2.encode(1.5) != 0x3E || E4M3FN.decode(0x7F) == E4M3FN.decode(0x7F) {
		t.Error("bit patterns differ from the OCP tables")
	}
}

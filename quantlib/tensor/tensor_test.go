package tensor

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// floats are little-endian bytes at a distance of shift from an aligned place.
func floats(shift int, x ...float32) []byte {
	b := make([]byte, shift+8, shift+8+4*len(x))
	for uintptr(unsafe.Pointer(&b[0]))%8 != 0 {
		b = make([]byte, shift+8, shift+8+4*len(x)) // the allocator aligns; this does not loop
	}
	b = b[:shift]
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b[shift:]
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

func TestViewsOfBytesAtAnyAlignment(t *testing.T) {
	for shift := range 9 {
		raw := floats(shift, 1, -2.5, float32(math.Inf(1)), 4)
		v, err := FromBytes(Float32, raw, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := v.F32()
		if len(got) != 4 || got[0] != 1 || got[1] != -2.5 || !math.IsInf(float64(got[2]), 1) || got[3] != 4 {
			t.Errorf("shift %d: %v", shift, got)
		}
		if uintptr(unsafe.Pointer(&got[0]))%4 != 0 {
			t.Errorf("shift %d: elements are not aligned", shift)
		}
		if string(v.Bytes()) != string(raw) {
			t.Errorf("shift %d: bytes %x, want %x", shift, v.Bytes(), raw)
		}
		if shared := unsafe.Pointer(&got[0]) == unsafe.Pointer(&raw[0]); shared != (shift%4 == 0 && hostLittle) {
			t.Errorf("shift %d: storage shared is %v", shift, shared)
		}
	}
}

func TestFromBytesChecksTheLength(t *testing.T) {
	for _, c := range []struct {
		name  string
		dt    DType
		bytes int
		shape []int
		ok    bool
	}{
		{"float32", Float32, 24, []int{2, 3}, true},
		{"scalar", Float64, 8, nil, true},
		{"none", Int64, 0, []int{0, 5}, true},
		{"int4, odd count", Int4, 2, []int{3}, true},
		{"int2", Uint2, 2, []int{5}, true},
		{"complex128", Complex128, 16, []int{1}, true},
		{"one byte short", Float32, 23, []int{2, 3}, false},
		{"one byte more", Float32, 25, []int{2, 3}, false},
		{"nothing for a scalar", Float32, 0, nil, false},
		{"negative", Float32, 4, []int{-1}, false},
		{"overflow", Uint8, 0, []int{math.MaxInt, math.MaxInt}, false},
		{"too many", Uint8, 0, []int{MaxElements, 2}, false},
		{"overflow times zero", Uint8, 0, []int{1 << 40, 1 << 40, 0}, true},
		{"strings", String, 0, []int{0}, false},
		{"undefined", Undefined, 0, []int{0}, false},
		{"unknown", DType(99), 0, []int{0}, false},
	} {
		v, err := FromBytes(c.dt, make([]byte, c.bytes), c.shape...)
		if c.name == "overflow times zero" {
			// No element is claimed; either answer is safe, as long as Len is 0.
			if err == nil && v.Len() != 0 {
				t.Errorf("%s: %d elements", c.name, v.Len())
			}
			continue
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLazyLoadsOnceAndKeepsItsError(t *testing.T) {
	calls := 0
	v, err := Lazy(Float32, []int{2}, func() ([]byte, error) { calls++; return floats(0, 3, 4), nil })
	if err != nil {
		t.Fatal(err)
	}
	if calls != 0 {
		t.Error("loaded before the first use")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if v.F32()[1] != 4 {
				t.Error("wrong element")
			}
		}()
	}
	wg.Wait()
	if calls != 1 {
		t.Errorf("loaded %d times", calls)
	}

	broken := errors.New("the disk is gone")
	calls = 0
	v, _ = Lazy(Float32, []int{2}, func() ([]byte, error) { calls++; return nil, broken })
	for range 2 {
		if err := v.Err(); !errors.Is(err, broken) {
			t.Errorf("Err is %v", err)
		}
		mustPanic(t, "elements of a tensor that cannot be loaded", func() { v.F32() })
		mustPanic(t, "bytes of a tensor that cannot be loaded", func() { v.Bytes() })
	}
	if calls != 1 {
		t.Errorf("tried %d times", calls)
	}

	v, _ = Lazy(Float32, []int{2}, func() ([]byte, error) { return make([]byte, 7), nil })
	if err := v.Err(); err == nil || !strings.Contains(err.Error(), "7 bytes") {
		t.Errorf("a wrong length: %v", err)
	}
	for _, view := range []func(){func() { v.Reshape(2, 1) }, func() { v.Slice(0, 1) }, func() { v.Clone() }} {
		mustPanic(t, "a view of a tensor that cannot be loaded", view)
	}
}

func TestClaimsTakeNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		v, err := Lazy(Float64, []int{1 << 30}, func() ([]byte, error) { return nil, nil })
		if err != nil || v.Len() != 1<<30 {
			t.Fatal(v, err)
		}
		if v.Err() == nil {
			t.Fatal("a gibibyte out of nothing")
		}
		if _, err := FromBytes(Float32, nil, 1<<34); err == nil {
			t.Fatal("64 GiB out of nothing")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestSliceAndReshapeAreViews(t *testing.T) {
	data := []float32{0, 1, 2, 3, 4, 5}
	v := Of(data, 3, 2)
	row := v.Slice(1, 3)
	if !SameShape(row.Shape(), []int{2, 2}) || row.F32()[0] != 2 || len(row.Bytes()) != 16 {
		t.Errorf("%v %v", row.Shape(), row.F32())
	}
	flat := row.Reshape(4).Slice(1, 2)
	data[3] = 30
	if flat.F32()[0] != 30 {
		t.Errorf("a view holds %v", flat.F32())
	}
	if b := row.Slice(1, 1); b.Len() != 0 || len(b.F32()) != 0 || len(b.Bytes()) != 0 {
		t.Errorf("an empty view has %d elements", b.Len())
	}
	if e := New(Float32, 0, 4).Slice(0, 0); e.Len() != 0 || e.Dim(1) != 4 {
		t.Errorf("a view of nothing is %v", e.Shape())
	}
	if s := Strings([]string{"a", "b", "c", "d"}, 2, 2).Slice(1, 2); s.Len() != 2 || s.Strings()[0] != "c" {
		t.Errorf("strings %v", s.Strings())
	}
	if v.Dim(-1) != 2 || v.Dim(0) != 3 || v.Rank() != 2 {
		t.Error("dimensions")
	}
	owner := new(int)
	if New(Float32, 2).WithOwner(owner).Reshape(1, 2).Slice(0, 1).Owner() != any(owner) {
		t.Error("a view lost its owner")
	}
	for what, f := range map[string]func(){
		"rows of a scalar":         func() { Scalar(float32(1)).Slice(0, 1) },
		"rows beyond the end":      func() { v.Slice(2, 4) },
		"rows in reverse":          func() { v.Slice(2, 1) },
		"a negative row":           func() { v.Slice(-1, 1) },
		"rows of a packed type":    func() { New(Int4, 4).Slice(1, 2) },
		"another Len":              func() { v.Reshape(7) },
		"a negative dimension":     func() { v.Reshape(-1, -6) },
		"data that do not fill":    func() { Of(data, 7) },
		"strings that do not":      func() { Strings([]string{"a"}, 2) },
		"elements of another Go":   func() { Data[int32](v) },
		"strings of numbers":       func() { v.Strings() },
		"a shape below zero":       func() { New(Float32, -1) },
		"bytes of strings":         func() { Strings([]string{"a"}, 1).Bytes() },
		"wrapping too few bytes":   func() { Wrap(Float32, make([]byte, 7), 2) },
		"float32 out of int codes": func() { Data[float32](New(Float16, 2)) },
	} {
		mustPanic(t, what, f)
	}
}

func TestEqualIsOfBits(t *testing.T) {
	nan, other := math.Float32frombits(0x7fc00000), math.Float32frombits(0x7fc00001)
	for _, c := range []struct {
		name string
		a, b *Tensor
		want bool
	}{
		{"the same", Of([]float32{1, 2}, 2), Of([]float32{1, 2}, 2), true},
		{"another element", Of([]float32{1, 2}, 2), Of([]float32{1, 3}, 2), false},
		{"another shape", Of([]float32{1, 2}, 2), Of([]float32{1, 2}, 1, 2), false},
		{"another type", Of([]int32{0}, 1), Of([]float32{0}, 1), false},
		{"NaN of the same bits", Of([]float32{nan}, 1), Of([]float32{nan}, 1), true},
		{"NaN of other bits", Of([]float32{nan}, 1), Of([]float32{other}, 1), false},
		{"zero and minus zero", Of([]float32{0}, 1), Of([]float32{float32(math.Copysign(0, -1))}, 1), false},
		{"strings", Strings([]string{"a", ""}, 2), Strings([]string{"a", ""}, 2), true},
		{"other strings", Strings([]string{"a"}, 1), Strings([]string{"b"}, 1), false},
		{"nothing", New(Float32, 0), New(Float32, 0), true},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	unaligned, _ := FromBytes(Float32, floats(1, 1, 2), 2)
	if !Equal(unaligned, Of([]float32{1, 2}, 2)) {
		t.Error("alignment counts")
	}
}

func TestCloneIsDeep(t *testing.T) {
	a := Of([]int64{1, 2, 3}, 3)
	b := a.Clone()
	b.I64()[0] = 9
	if a.I64()[0] != 1 || !SameShape(b.Shape(), []int{3}) || b.DType() != Int64 {
		t.Errorf("%v %v", a.I64(), b)
	}
	s := Strings([]string{"a"}, 1)
	c := s.Clone()
	c.Strings()[0] = "b"
	if s.Strings()[0] != "a" {
		t.Error("strings are shared")
	}
}

func TestEveryTypeHoldsItsBytes(t *testing.T) {
	for d := DType(1); d.Known(); d++ {
		if d == String {
			continue
		}
		v := New(d, 3, 5)
		if len(v.Bytes()) != d.Bytes(15) || v.Len() != 15 {
			t.Errorf("%v: %d bytes, want %d", d, len(v.Bytes()), d.Bytes(15))
		}
		for i := range v.Bytes() {
			if v.Bytes()[i] != 0 {
				t.Errorf("%v: not zero", d)
			}
		}
		if v2, err := FromBytes(d, v.Bytes(), 3, 5); err != nil || !Equal(v, v2) {
			t.Errorf("%v: %v", d, err)
		}
	}
	if DType(99).Known() || Undefined.Known() || DType(99).Bits() != 0 || DType(99).String() == "" {
		t.Error("an unknown type")
	}
	for d, want := range map[DType]int{Int4: 3, Uint2: 2, Float4E2M1: 3, Bool: 5, Float16: 10, Complex128: 80} {
		if got := d.Bytes(5); got != want {
			t.Errorf("%v: 5 elements take %d bytes, want %d", d, got, want)
		}
	}
}

// Every finite and infinite binary16 value is exact in float32; its value is
// sign·2^(e-15)·(1+f/1024), or sign·2^-14·f/1024 where e is 0.
func TestHalfPrecisionWidensExactly(t *testing.T) {
	for h := range 1 << 16 {
		got := Float32FromBits16(uint16(h))
		sign, e, f := 1.0, h>>10&31, float64(h&1023)/1024
		if h&0x8000 != 0 {
			sign = -1
		}
		want := math.Copysign(math.Ldexp(1+f, e-15), sign)
		switch {
		case e == 31 && f != 0:
			if got == got {
				t.Fatalf("%#04x is %v, want NaN", h, got)
			}
			continue
		case e == 31:
			want = math.Inf(int(sign))
		case e == 0:
			want = math.Copysign(math.Ldexp(f, -14), sign)
		}
		if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) {
			t.Fatalf("%#04x is %v, want %v", h, got, want)
		}
	}
	for _, x := range []float32{0, 1, -2.5, float32(math.Inf(-1))} {
		if got := Float32FromBFloat16(uint16(math.Float32bits(x) >> 16)); got != x {
			t.Errorf("bfloat16 %v is %v", x, got)
		}
	}
}

func TestHollowTensorsHaveAShapeAndNoElements(t *testing.T) {
	h := Hollow(Float32, 2, 3).WithOwner("me")
	if h.Err() != nil || h.Len() != 6 || !h.IsHollow() {
		t.Errorf("%v %v", h, h.Err())
	}
	for name, v := range map[string]*Tensor{"itself": h, "reshaped": h.Reshape(6), "sliced": h.Slice(1, 2)} {
		func() {
			defer func() {
				if r := recover(); r != ErrHollow {
					t.Errorf("%s: elements of a hollow tensor: %v", name, r)
				}
			}()
			if v.Owner() != "me" {
				t.Errorf("%s: the owner is %v", name, v.Owner())
			}
			v.F32()
		}()
	}
}

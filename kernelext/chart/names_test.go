package chart

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"leaves names alone", "/features/0/Conv:0", "/features/0/Conv:0"},
		{"leaves other scripts alone", "слой 層 café", "слой 層 café"},
		{"leaves markup to the formats", "<b>&", "<b>&"},
		{"replaces terminal escapes", "\x1b[31m", "\uFFFD[31m"},
		{"replaces changes of direction", "a\u202eb\u2066c\u200f", "a\uFFFDb\uFFFDc\uFFFD"},
		{"replaces broken UTF-8", "a\xffb", "a\uFFFDb"},
		{"turns line ends into spaces", "a\nb\tc", "a b c"},
		{"replaces Unicode line ends", "a\u2028b", "a\uFFFDb"},
	} {
		if got := clean(c.in); got != c.want {
			t.Errorf("%s: clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestShortNamesFitAndKeepTheirEnds(t *testing.T) {
	for _, s := range append(hostile(), layerNames(7)...) {
		for _, w := range []float64{0, 10, 57.3, 200, 1e4} {
			got := short(s, w, 11, false)
			if textWidth(got, 11, false) > w && got != "…" {
				t.Errorf("%q is %.1f wide, not %.1f", got, textWidth(got, 11, false), w)
			}
			if w == 1e4 && len(s) < 400 && got != strings.ReplaceAll(clean(s), "\uFFFD", "□") {
				t.Errorf("%q was cut to %q although there is room", s, got)
			}
		}
		for n := 1; n < 80; n += 7 {
			if got := brief(s, n); utf8.RuneCountInString(got) > n {
				t.Errorf("brief(%q, %d) = %q is too long", s, n, got)
			}
		}
	}
	if got := brief("abcdefghij", 7); got != "abc…hij" {
		t.Errorf("brief keeps %q", got)
	}
}

func TestLabelsOfOnePictureTellLayersApart(t *testing.T) {
	path := func(layer int, what string) string {
		return "/m/bert/encoder/layer." + strconv.Itoa(layer) + "/attention/self/" + what + "/MatMul"
	}
	dotted := func(layer int) string {
		return "model.text.encoder.layers." + strconv.Itoa(layer) + ".attention.self.q_proj"
	}
	for _, c := range []struct {
		name  string
		names []string
		want  string // begins the first label
	}{
		{"paths", []string{path(0, "query"), path(1, "query"), path(10, "query"), path(0, "key"), "/head"}, "…layer.0/"},
		{"dots", []string{dotted(0), dotted(1), dotted(11)}, "…layers.0."},
	} {
		got := labels(c.names, 150, 11)
		for i, l := range got {
			if w := textWidth(l, 11, false); w > 150 {
				t.Errorf("%s: %q is %.1f wide, not 150", c.name, l, w)
			}
			for k := range i {
				if got[k] == l {
					t.Errorf("%s: %q and %q are both %q", c.name, c.names[k], c.names[i], l)
				}
			}
		}
		if !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: %q, want %q…", c.name, got[0], c.want)
		}
	}
	same := strings.Repeat("x", 80)
	if got := labels([]string{same, same}, 100, 11); got[0] != label(same, 100, 11) || got[1] != got[0] {
		t.Errorf("equal names are %q", got)
	}
	for _, l := range labels(append(hostile(), layerNames(40)...), 60, 11) {
		if textWidth(l, 11, false) > 60 && l != "…" {
			t.Errorf("%q is too wide", l)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"num drops trailing zeros", num(2.50, 3), "2.5"},
		{"num keeps whole numbers", num(100, 2), "100"},
		{"num has no negative zero", num(-0.001, 2), "0"},
		{"num has a real minus", num(-3, 0), "−3"},
		{"places keeps zeros", places(2, 1), "2.0"},
		{"places has no negative zero", places(-0.01, 1), "0.0"},
		{"infinity", places(math.Inf(1), 1), "∞"},
		{"negative infinity", num(math.Inf(-1), 1), "−∞"},
		{"NaN", places(math.NaN(), 1), "n/a"},
		{"sig rounds", sig(123456, 3), "123456"},
		{"sig of small values", sig(0.00123, 2), "0.0012"},
		{"sig of tiny values", sig(1.234e-7, 3), "1.23e−7"},
		{"sig of huge values", sig(2e9, 3), "2e9"},
		{"sig of zero", sig(0, 3), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		unit   string
		limit  float64
		factor float64
		want   string
	}{
		{"B", 1500, 1e3, "kB"}, {"B", 0.5, 1, "B"}, {"B", 3e9, 1e9, "GB"}, {"s", 0.02, 1e-3, "ms"},
		{"s", 3e-7, 1e-9, "ns"}, {"dB", 5000, 1, "dB"}, {"bits", 1e6, 1, "bits"}, {"", 1e9, 1, ""},
		{"s", 0, 1, "s"}, {"op/s", 2e12, 1e12, "Top/s"}, {"s", 1e-12, 1, "s"},
	} {
		if f, u := prefix(c.unit, c.limit); f != c.factor || u != c.want {
			t.Errorf("prefix(%q, %v) = %v, %q, want %v, %q", c.unit, c.limit, f, u, c.factor, c.want)
		}
	}
}

func TestLinearTicksSayWhereTheyStand(t *testing.T) {
	for _, r := range [][2]float64{{0, 1}, {-5, 30}, {0, 0.003}, {91.2, 92.4}, {0, 12345678}, {-1e-6, 1e-6}} {
		ticks := linear(r[0], r[1], 6, 1)
		if len(ticks) < 3 || len(ticks) > 8 {
			t.Errorf("%v has %d ticks", r, len(ticks))
		}
		for _, k := range ticks {
			v, err := strconv.ParseFloat(strings.Replace(k.label, "−", "-", 1), 64)
			if err != nil || math.Abs(v-k.v) > (r[1]-r[0])*1e-6 {
				t.Errorf("%v: the tick at %v says %q", r, k.v, k.label)
			}
			if d := (r[1] - r[0]) * 1e-8; k.v < r[0]-d || k.v > r[1]+d {
				t.Errorf("%v: the tick at %v is outside", r, k.v)
			}
		}
	}
}

func TestLogarithmicTicksAreLabelled(t *testing.T) {
	for _, r := range [][2]float64{{1, 1e6}, {0.7, 90}, {3, 8}, {1e-12, 1e3}} {
		labels := 0
		for _, k := range logarithmic(r[0], r[1], 1) {
			if k.label != "" {
				labels++
			}
			if k.v < r[0]*0.999 || k.v > r[1]*1.001 {
				t.Errorf("%v: the tick at %v is outside", r, k.v)
			}
		}
		if labels < 1 || labels > 10 {
			t.Errorf("%v has %d labels", r, labels)
		}
	}
}

func TestBits(t *testing.T) {
	for bits, want := range map[int]string{1: "1 bit", 2: "2 bits", 16: "16 bits"} {
		if got := Bits(bits); got != want {
			t.Errorf("Bits(%d) is %q, want %q", bits, got, want)
		}
	}
}

package ocr

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Height and Width are the size of a picture of a line, in pixels.
const (
	Height = 48
	Width  = 320
)

// A Line is a text and its picture.
type Line struct {
	Text    string
	Picture *image.Gray // Height × Width
}

var words = strings.Fields(`the quick brown fox jumps over lazy dogs while seven wizards quietly
	box prize jugs of liquid opal every tensor keeps its scale and zero point below a layer
	where weights meet bits noise follows power signal clips round half even codes`)

var faces = sync.OnceValue(func() []*opentype.Font {
	var list []*opentype.Font
	for _, ttf := range [][]byte{liberationsansregular.TTF, liberationserifregular.TTF, liberationmonoregular.TTF, liberationsansbold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(fmt.Sprintf("ocr: a font of the module's own: %v", err))
		}
		list = append(list, f)
	}
	return list
})

// Lines is n lines, the same for the same seed: two to four words and sometimes
// a number, in one of four faces, dark on light or light on dark, with noise.
func Lines(seed uint64, n int) []Line {
	r := rand.New(rand.NewPCG(seed, 48))
	lines := make([]Line, n)
	for i := range lines {
		lines[i] = line(r)
	}
	return lines
}

func line(r *rand.Rand) Line {
	ttf := faces()[r.IntN(len(faces()))]
	face, err := opentype.NewFace(ttf, &opentype.FaceOptions{Size: 22 + 8*r.Float64(), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(fmt.Sprintf("ocr: %v", err)) // the size is one that every face has
	}
	defer face.Close()
	var parts []string
	for text := ""; len(parts) < 4; {
		next := words[r.IntN(len(words))]
		if r.IntN(5) == 0 {
			next = fmt.Sprint(r.IntN(10000))
		}
		if text = strings.Join(append(parts[:len(parts):len(parts)], next), " "); font.MeasureString(face, text).Ceil() > Width-12 {
			break
		}
		parts = append(parts, next)
	}
	l := Line{Text: strings.Join(parts, " "), Picture: image.NewGray(image.Rect(0, 0, Width, Height))}
	paper, ink := uint8(200+r.IntN(56)), uint8(r.IntN(70))
	if r.IntN(4) == 0 {
		paper, ink = ink, paper
	}
	draw.Draw(l.Picture, l.Picture.Bounds(), image.NewUniform(color.Gray{Y: paper}), image.Point{}, draw.Src)
	d := font.Drawer{Dst: l.Picture, Src: image.NewUniform(color.Gray{Y: ink}), Face: face, Dot: fixed.P(6, 32+r.IntN(5))}
	d.DrawString(l.Text)
	for i, p := range l.Picture.Pix {
		l.Picture.Pix[i] = uint8(min(max(float64(p)+6*r.NormFloat64(), 0), 255))
	}
	return l
}

// Pixels is the pictures as the network takes them, [lines, 3, Height, Width]:
// the three channels are alike.
func Pixels(lines []Line) []uint8 {
	pixels := make([]uint8, 0, len(lines)*3*Height*Width)
	for _, l := range lines {
		for range 3 {
			pixels = append(pixels, l.Picture.Pix...)
		}
	}
	return pixels
}

// Errors is the number of characters by which read differs from text: the least
// number of insertions, deletions and replacements (Levenshtein).
func Errors(text, read string) int {
	a, b := []rune(text), []rune(read)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		last := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := last
			if x != y {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/png"
	"sync"
)

// Images are N labelled grey images of C·H·W pixels each, here always 1×28×28.
type Images struct {
	N, C, H, W int
	Pixels     []uint8 // [N, C, H, W], 0 = background
	Labels     []uint8 // [N], index into Classes
}

//go:embed calibration.png
var calibrationSheet []byte

//go:embed calibration.labels
var calibrationLabels []byte

//go:embed test.png
var testSheet []byte

//go:embed test.labels
var testLabels []byte

var (
	calibration = sync.OnceValue(func() Images { return unpack(calibrationSheet, calibrationLabels) })
	test        = sync.OnceValue(func() Images { return unpack(testSheet, testLabels) })
)

// Calibration returns 512 images of Fashion-MNIST's training file, from
// those which the training held out. Image i is of class i mod 10.
//
// The first call unpacks them (a PNG sheet of 28×28 tiles). All calls share
// one copy, which the caller must not change.
func Calibration() Images { return calibration() }

// Test returns 2,000 of the 10,000 images of Fashion-MNIST's test file, the
// first 200 of each class. Image i is of class i mod 10, so that every prefix
// of 10·k images is balanced.
//
// The first call unpacks them (a PNG sheet of 28×28 tiles). All calls share
// one copy, which the caller must not change.
func Test() Images { return test() }

// Float32 returns images i..j-1 as the model takes them: [j−i, C, H, W] in
// row-major order, each pixel/255 rounded to float32. The slice is new.
//
// It panics unless 0 <= i <= j <= N.
func (m Images) Float32(i, j int) []float32 {
	size := m.C * m.H * m.W
	pixels := m.Pixels[i*size : j*size]
	x := make([]float32, len(pixels))
	for k, p := range pixels {
		x[k] = unit[p]
	}
	return x
}

// Gray returns image i as a picture that shares its pixels.
//
// It panics unless 0 <= i < N and C is 1.
func (m Images) Gray(i int) *image.Gray {
	if m.C != 1 {
		panic(fmt.Sprintf("demo: an image of %d channels is not grey", m.C))
	}
	size := m.H * m.W
	return &image.Gray{
		Pix:    m.Pixels[i*size : (i+1)*size : (i+1)*size],
		Stride: m.W,
		Rect:   image.Rect(0, 0, m.W, m.H),
	}
}

// unit[p] is p/255.
var unit = func() (t [256]float32) {
	for p := range t {
		t[p] = float32(p) / 255
	}
	return t
}()

// side is the height and width of a tile, in pixels.
const side = 28

// unpack cuts a sheet into tiles, from left to right, then down. The PNG
// decoder checks the checksums. Sheets are part of the program, so that a bad
// one is a mistake in building it: unpack panics.
func unpack(sheet, labels []byte) Images {
	decoded, err := png.Decode(bytes.NewReader(sheet))
	if err != nil {
		panic(fmt.Sprintf("demo: embedded sheet: %v", err))
	}
	grey, ok := decoded.(*image.Gray)
	if !ok {
		panic(fmt.Sprintf("demo: embedded sheet: %T, want 8-bit grey", decoded))
	}
	size, n := grey.Rect.Size(), len(labels)
	if size.X%side != 0 || size.Y%side != 0 || size.X*size.Y != n*side*side {
		panic(fmt.Sprintf("demo: embedded sheet: %d×%d pixels do not hold %d tiles", size.X, size.Y, n))
	}
	for i, label := range labels {
		if int(label) >= len(Classes) {
			panic(fmt.Sprintf("demo: embedded labels: image %d: label %d", i, label))
		}
	}
	pixels := make([]uint8, 0, n*side*side)
	columns := size.X / side
	for tile := range n {
		top, left := tile/columns*side, tile%columns*side
		for y := range side {
			at := (top+y)*grey.Stride + left
			pixels = append(pixels, grey.Pix[at:at+side]...)
		}
	}
	return Images{N: n, C: 1, H: side, W: side, Pixels: pixels, Labels: labels}
}

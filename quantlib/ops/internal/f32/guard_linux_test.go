package f32

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// guarded is n elements with memory that nobody may touch right before them, or
// right behind them.
func guarded(t *testing.T, n int, before bool) []float32 {
	page := os.Getpagesize()
	size := roundUp(4*n, page)
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	for _, edge := range [][]byte{m[:page], m[page+size:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			t.Skip(err)
		}
	}
	at := page
	if !before {
		at += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[at])), n)
}

// Depthwise kernels read vectors that reach over the ends of rows, but never over
// the ends of the image.
func TestDepthwiseStaysInside(t *testing.T) {
	r := rng(1)
	for _, size := range []int{1, 2, 3, 5, 7, 8, 9, 14, 17} {
		for _, k := range []int{3, 5} {
			for _, stride := range []int{1, 2} {
				c := same(3, 3, size, k, stride, 3)
				x, w := normal(r, 3*size*size), normal(r, 3*k*k)
				f, want := PackFilter(w, 3, 1, k, k, 3), naiveConv(x, w, c)
				for _, before := range []bool{true, false} {
					src, dst, scratch := guarded(t, len(x), before), guarded(t, len(want), before), guarded(t, c.ScratchLen(), before)
					copy(src, x)
					Conv2D(dst, src, f, c, nil, nil, scratch)
					sameBits(t, fmt.Sprintf("%d×%d stride %d on %d×%d", k, k, stride, size, size), dst, want)
				}
			}
		}
	}
}

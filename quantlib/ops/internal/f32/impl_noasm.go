//go:build noasm || (!amd64 && !arm64)

package f32

func available() []level { return []level{portable} }

func (t *tiles) fast(b []float32, i0, i1, j, n int) bool { return false }

func taps(dst, src, w []float32, off []int32) { tapsGo(dst, src, w, off) }

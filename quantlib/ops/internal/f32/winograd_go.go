//go:build noasm || (!amd64 && !arm64)

package f32

// Where there are no kernels for tiles, twins transform them.

func (w *winograd) input(p *planes, dst []float32) { w.inputGo(p, dst) }

func (w *winograd) output(dst []float32, row int, ep *Epilogue, o int) { w.outputGo(dst, row, ep, o) }

// winogradOut has no use here.
type winogradOut struct{}

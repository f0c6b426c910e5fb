package ops

import (
	"math"
	"math/cmplx"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("DFT", 17, 1, widened(dft))
	register("STFT", 17, 2, widened(stft))
	register("MelWeightMatrix", 17, 5, melWeights)
}

// fourier is the discrete Fourier transform, or with sign +1 the inverse
// without its factor: by halves while the length is even, else directly.
func fourier(x []complex128, sign float64) []complex128 {
	n := len(x)
	y := make([]complex128, n)
	if n%2 == 0 && n > 2 {
		even, odd := make([]complex128, n/2), make([]complex128, n/2)
		for i := range even {
			even[i], odd[i] = x[2*i], x[2*i+1]
		}
		even, odd = fourier(even, sign), fourier(odd, sign)
		for k := range even {
			t := cmplx.Rect(1, sign*2*math.Pi*float64(k)/float64(n)) * odd[k]
			y[k], y[k+n/2] = even[k]+t, even[k]-t
		}
		return y
	}
	for k := range y {
		for i, v := range x {
			y[k] += v * cmplx.Rect(1, sign*2*math.Pi*float64(k*i%n)/float64(n))
		}
	}
	return y
}

// dft is DFT along an axis of [batch, …, 1 or 2], where the last dimension is
// real and imaginary part. With onesided it gives the first half of a real
// signal's transform, or with inverse makes the real signal of that half. The
// axis is an attribute before opset 20.
func dft(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 2 || x.Dim(-1) != 1 && x.Dim(-1) != 2 {
		fail("transform of shape %v", x.Shape())
	}
	at := axis(c.Node.Int("axis", 1), x.Rank())
	if c.Opset >= 20 {
		at = axis(integer(In(in, 2), -2), x.Rank())
	}
	if at == x.Rank()-1 {
		fail("transform along the last dimension of %v", x.Shape())
	}
	inverse, onesided := c.Node.Int("inverse", 0) != 0, c.Node.Int("onesided", 0) != 0
	n := x.Dim(at)
	length := n
	if inverse && onesided {
		length = 2 * (n - 1)
	}
	length = int(integer(In(in, 1), int64(length)))
	if length < 1 || length > 1<<28 {
		fail("a transform of length %d", length)
	}
	parts := x.Dim(-1)
	shape := append([]int(nil), x.Shape()...)
	shape[at], shape[len(shape)-1] = length, 2
	switch {
	case inverse && onesided:
		shape[len(shape)-1] = 1
	case onesided:
		shape[at] = length/2 + 1
	}
	r := newResult[float64](c, x.DType(), shape)
	src := load[float64](x)
	run := product(x.Shape()[at+1:]) / parts
	out, m := shape[len(shape)-1], shape[at]
	c.each(product(x.Shape()[:at])*run, 1, func(lo, hi int) {
		for job := lo; job < hi; job++ {
			o, i := job/run, job%run
			v := make([]complex128, length)
			for k := range min(n, length) {
				p := ((o*n+k)*run + i) * parts
				v[k] = complex(src[p], 0)
				if parts == 2 {
					v[k] = complex(src[p], src[p+1])
				}
			}
			if inverse && onesided {
				for k := length/2 + 1; k < length; k++ {
					v[k] = cmplx.Conj(v[length-k])
				}
			}
			factor, sign := complex(1, 0), -1.0
			if inverse {
				factor, sign = complex(1/float64(length), 0), 1
			}
			for k, y := range fourier(v, sign)[:m] {
				p := ((o*m+k)*run + i) * out
				y *= factor
				r.data[p] = real(y)
				if out == 2 {
					r.data[p+1] = imag(y)
				}
			}
		}
	})
	return one(r.tensor())
}

// stft is STFT: the transform of windowed frames, frame_step apart, of
// [batch, length, 1 or 2].
func stft(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, window := in[0], In(in, 2)
	if x.Rank() == 2 {
		x = x.Reshape(x.Dim(0), x.Dim(1), 1)
	}
	rank(x, "signal", 3)
	step := int(integer(in[1], 1))
	n, parts := x.Dim(1), x.Dim(2)
	frame := n
	if window != nil {
		frame = window.Len()
	}
	frame = int(integer(In(in, 3), int64(frame)))
	if step < 1 || frame < 1 || frame > n || parts < 1 || parts > 2 || window != nil && window.Len() != frame {
		fail("frames of %d every %d of shape %v", frame, step, x.Shape())
	}
	frames := 1 + (n-frame)/step
	bins := frame
	if c.Node.Int("onesided", 1) != 0 {
		bins = frame/2 + 1
	}
	r := newResult[float64](c, x.DType(), []int{x.Dim(0), frames, bins, 2})
	src, weights := load[float64](x), load64(window)
	for b := range x.Dim(0) {
		for f := range frames {
			v := make([]complex128, frame)
			for k := range v {
				p := (b*n + f*step + k) * parts
				v[k] = complex(src[p], 0)
				if parts == 2 {
					v[k] = complex(src[p], src[p+1])
				}
				if weights != nil {
					v[k] *= complex(weights[k], 0)
				}
			}
			for k, y := range fourier(v, -1)[:bins] {
				p := ((b*frames+f)*bins + k) * 2
				r.data[p], r.data[p+1] = real(y), imag(y)
			}
		}
	}
	return one(r.tensor())
}

// melWeights is MelWeightMatrix: triangles that sum a spectrum's bins into
// num_mel_bins bands, equally wide on the mel scale 2595·log10(1 + f/700).
func melWeights(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	bands, length, rate := int(integer(in[0], 0)), int(integer(in[1], 0)), float64(integer(in[2], 0))
	if bands < 0 || bands > 1<<20 || length < 0 || length > 1<<28 || rate <= 0 {
		fail("%d bands of %d bins at %v Hz", bands, length, rate)
	}
	bins := length/2 + 1
	mel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	lo, hi := mel(scalar(in[3], 0)), mel(scalar(in[4], 0))
	edge := make([]int, bands+2)
	for i := range edge {
		f := 700 * (math.Pow(10, (lo+float64(i)*(hi-lo)/float64(len(edge)))/2595) - 1)
		if edge[i] = int(math.Floor(float64(length+1) * f / rate)); edge[i] < 0 || edge[i] >= bins {
			fail("band edge at bin %d of %d", edge[i], bins)
		}
	}
	r := newResult[float64](c, tensor.DType(c.Node.Int("output_datatype", 1)), []int{bins, bands})
	clear(r.data)
	for i := range bands {
		a, b, d := edge[i], edge[i+1], edge[i+2]
		if a == b {
			r.data[b*bands+i] = 1
		}
		for j := a; j <= b && a < b; j++ {
			r.data[j*bands+i] = float64(j-a) / float64(b-a)
		}
		for j := b; j < d; j++ {
			r.data[j*bands+i] = float64(d-j) / float64(d-b)
		}
	}
	return one(r.tensor())
}

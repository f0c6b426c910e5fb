// Command gen writes the kernels of package f32 for one instruction set. It is
// a module of its own, so that the product does not depend on what generates
// its assembly.
//
//	go run . -isa avx2 -out ../kernels_amd64.s -pkg f32
//	go run . -isa avx512 -out ../kernels_avx512_amd64.s -pkg f32
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

const (
	mr = 6
	nr = 16
)

func main() {
	set := flag.String("isa", "avx2", "avx2 or avx512")
	flag.Parse()
	ConstraintExpr("!noasm")
	switch *set {
	case "avx2":
		for rows := mr; rows > 0; rows-- {
			gemm(rows)
		}
		product6x8()
		columns1()
		columns4()
		row64()
		transpose6()
		transpose4()
	case "avx512":
		target = avx512
		for vectors := 2; vectors > 0; vectors-- {
			gemm512(2*mr, vectors)
			for rows := mr; rows > 0; rows-- {
				gemm512(rows, vectors)
			}
		}
		row128()
		for _, k := range []int{3, 5} {
			for _, stride := range []int{1, 2} {
				depthwise512(k, stride)
			}
		}
	default:
		log.Fatalf("no instruction set %q", *set)
	}
	copyRuns()
	copyRows()
	fill := fillRows
	if target.masked() {
		fill = fillRows512
	}
	for _, step := range []int{1, 2} {
		fill(step, false)
		fill(step, true)
	}
	taps()
	tapsMax()
	tapsSum()
	finishRows()
	elementwise()
	functions()
	reductions()
	products()
	fmaPeak()
	Generate()
}

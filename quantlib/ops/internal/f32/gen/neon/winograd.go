package main

import "fmt"

// Offsets in winogradIn, in bytes.
const (
	inPlanes = 0
	inPlane  = 8
	inRow    = 16
	inDst    = 24
	inStep   = 32
	inGroups = 40
	inCount  = 48
)

// winogradIn transforms the tiles of a channel, eight at a time, in two halves:
//
//	dst[4i+j] = (Bᵀ d B)[i][j]
//
// The element (i, j) of a tile lies in the plane (i mod 2, j mod 2), one row
// further from i = 2 on and one column from j = 2.
func winogradIn() {
	text("winogradIn", "args *byte")
	args := arg("args")
	field := func(offset int) string {
		r := gp()
		line("MOVD %s, %s", mem(args, offset), r)
		return r
	}
	base, plane, row, dst, step, groups, count := field(inPlanes), field(inPlane), field(inRow), field(inDst), field(inStep), field(inGroups), field(inCount)
	at, to := gp(), gp()
	var rows [4][2]string // of even and odd columns
	for i := range rows {
		rows[i] = [2]string{gp(), gp()}
	}
	label("group")
	line("MOVW (%s), %s", groups, at)
	line("MOVW 4(%s), %s", groups, to)
	line("ADD $8, %s", groups)
	line("ADD %s<<2, %s, %s", to, dst, to)
	line("ADD %s<<2, %s, %s", at, base, rows[0][0])
	line("ADD %s<<1, %s, %s", plane, rows[0][0], rows[1][0])
	line("ADD %s, %s, %s", row, rows[0][0], rows[2][0])
	line("ADD %s, %s, %s", row, rows[1][0], rows[3][0])
	for _, r := range rows {
		line("ADD %s, %s, %s", plane, r[0], r[1])
	}
	for half := range 2 {
		scoped(func() {
			var d, t [4][]vec // t is Bᵀ d
			for i := range d {
				d[i], t[i] = newVecs(4), newVecs(4)
			}
			for j := range 4 {
				for i, r := range rows {
					load(d[i][j], r[j%2], 16*half+j/2*4)
				}
				fsub(t[0][j], d[0][j], d[2][j])
				fadd(t[1][j], d[1][j], d[2][j])
				fsub(t[2][j], d[2][j], d[1][j])
				fsub(t[3][j], d[1][j], d[3][j])
			}
			p := at
			line("MOVD %s, %s", to, p)
			for i, t := range t {
				fsub(d[i][0], t[0], t[2])
				fadd(d[i][1], t[1], t[2])
				fsub(d[i][2], t[2], t[1])
				fsub(d[i][3], t[1], t[3])
				for _, v := range d[i] {
					store(v, p, 16*half)
					line("ADD %s, %s", step, p)
				}
			}
		})
	}
	line("SUBS $1, %s", count)
	line("BNE group")
	line("RET")
}

// Offsets in winogradOut, in bytes.
const (
	outM        = 0
	outStep     = 8
	outDst      = 16
	outRow      = 24
	outResidual = 32
	outGroups   = 40
	outCount    = 48
	outBias     = 56
	outFin      = 64
)

// winogradOut makes outputs of the tiles of a filter, eight tiles at a time:
//
//	Y = Aᵀ M A
//
// of which the last in a row, or the second row, may lie outside the image.
func winogradOut() {
	text("winogradOut", "args *byte")
	args := arg("args")
	field := func(offset int) string {
		r := gp()
		line("MOVD %s, %s", mem(args, offset), r)
		return r
	}
	m, step, dst, row, residual, groups, count := field(outM), field(outStep), field(outDst), field(outRow), field(outResidual), field(outGroups), field(outCount)
	from, p, at, n, rows, left, mode := gp(), gp(), gp(), gp(), gp(), gp(), gp()

	label("group")
	line("MOVW (%s), %s", groups, at)
	line("MOVW 4(%s), %s", groups, from)
	line("MOVW 8(%s), %s", groups, n)
	line("MOVW 12(%s), %s", groups, rows)
	line("ADD $16, %s", groups)
	line("ADD %s<<2, %s, %s", from, m, from)
	line("LSL $2, %s", at)
	acc := newVecs(8) // two rows of sixteen outputs
	for half := range 2 {
		scoped(func() {
			var s [2][]vec // Aᵀ M
			s[0], s[1] = newVecs(4), newVecs(4)
			d := newVecs(8)
			// Elements follow each other by rows: those of a column are summed as
			// they come.
			line("MOVD %s, %s", from, p)
			for i := range 4 {
				for j := range 4 {
					v := d[i%2*4+j]
					load(v, p, 16*half)
					line("ADD %s, %s", step, p)
					switch i {
					case 0:
						move(s[0][j], v)
					case 1:
						fadd(s[0][j], s[0][j], v)
						move(s[1][j], v)
					case 2:
						fadd(s[0][j], s[0][j], v)
						fsub(s[1][j], s[1][j], v)
					case 3:
						fsub(s[1][j], s[1][j], v)
					}
				}
			}
			for y, s := range s {
				fadd(d[0], s[0], s[1])
				fadd(d[0], d[0], s[2])
				fsub(d[1], s[1], s[2])
				fsub(d[1], d[1], s[3])
				zip1(acc[4*y+2*half], d[0], d[1])
				zip2(acc[4*y+2*half+1], d[0], d[1])
			}
		})
	}
	scoped(func() {
		bias := newVec()
		line("ADD $%d, %s, %s", outBias, args, p)
		line("VLD1R (%s), [V%d.S4]", p, bias)
		for _, v := range acc {
			fadd(v, v, bias)
		}
	})
	line("CBZ %s, added", residual)
	scoped(func() {
		v := newVecs(4)
		line("ADD %s, %s, %s", at, residual, p)
		for y := range 2 {
			partly("added", y, rows, n, left, p, row, v, func(v vec, base string, lane int) {
				if lane < 0 {
					line("FMOVQ.P 16(%s), F%d", base, v)
					return
				}
				line("VLD1.P 4(%s), V%d.S[%d]", base, v, lane)
			}, func(v []vec) {
				for _, v := range v {
					zero(v)
				}
			}, func() {
				for i, v := range v {
					fadd(acc[4*y+i], acc[4*y+i], v)
				}
			})
		}
	})
	label("added")
	finish(args, outFin, acc, mode, "")
	line("ADD %s, %s, %s", at, dst, p)
	for y := range 2 {
		partly("stored", y, rows, n, left, p, row, acc[4*y:4*y+4], func(v vec, base string, lane int) {
			if lane < 0 {
				line("FMOVQ.P F%d, 16(%s)", v, base)
				return
			}
			line("VST1.P V%d.S[%d], 4(%s)", v, lane, base)
		}, nil, nil)
	}
	label("stored")
	line("SUBS $1, %s", count)
	line("BNE group")
	line("RET")
}

// partly runs move on the vectors v of row y, of which n elements count, and on
// single lanes of the last. Without the second row it goes to the label named
// done. p is left at the next row.
func partly(done string, y int, rows, n, left, p, row string, v []vec, move func(v vec, base string, lane int), before func(v []vec), after func()) {
	name := fmt.Sprintf("%s%d", done, y)
	if y == 1 {
		line("CMP $2, %s", rows)
		line("BLT %s", done)
	}
	if before != nil {
		before(v)
	}
	line("MOVD %s, %s", n, left)
	for i, v := range v {
		next := fmt.Sprintf("%sv%d", name, i)
		line("CMP $4, %s", left)
		line("BLT %slanes", next)
		move(v, p, -1)
		line("SUB $4, %s", left)
		line("B %s", next)
		label(next + "lanes")
		for lane := range 3 {
			line("CBZ %s, %send", left, name)
			move(v, p, lane)
			line("SUB $1, %s", left)
		}
		line("B %send", name)
		label(next)
	}
	label(name + "end")
	if after != nil {
		after()
	}
	if y == 0 {
		line("SUB %s<<2, %s", n, p)
		line("ADD %s, %s", row, p)
	}
}

package chart

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a name safe to print: control characters, format characters
// (which can turn the direction of a line) and broken UTF-8 become U+FFFD, and
// white space becomes a space.
func clean(s string) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
	}
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case bad(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// cut takes runes out of the middle of s until fits says yes; an ellipsis
// marks the place. A layer's name says most at its two ends.
func cut(s string, fits func(string) bool) string {
	if fits(s) {
		return s
	}
	r := []rune(s)
	lo, hi := 0, len(r)-1 // the number of runes kept: lo fits, hi+1 does not
	join := func(n int) string {
		return string(r[:(n+1)/2]) + "…" + string(r[len(r)-n/2:])
	}
	for lo < hi {
		n := (lo + hi + 1) / 2
		if fits(join(n)) {
			lo = n
		} else {
			hi = n - 1
		}
	}
	return join(lo)
}

// short cleans a name and cuts it to a width in pixels.
func short(s string, width, size float64, bold bool) string {
	s = strings.ReplaceAll(clean(s), "\uFFFD", "□") // which the font has
	if r := []rune(s); len(r) > 1024 {              // bounds the work on a hostile name
		s = string(r[:512]) + "…" + string(r[len(r)-511:])
	}
	return cut(s, func(s string) bool { return textWidth(s, size, bold) <= width })
}

// brief cleans a name and cuts it to n runes, for texts.
func brief(s string, n int) string {
	if s == "" {
		s = unnamed
	}
	return cut(clean(s), func(s string) bool { return utf8.RuneCountInString(s) <= n })
}

// unnamed stands for a label without a name.
const unnamed = "(no name)"

// label is short for the name of a layer or the like, which may be missing.
func label(s string, width, size float64) string {
	if s == "" {
		s = unnamed
	}
	return short(s, width, size, false)
}

// labels is label for names that stand in one picture: those that cutting would
// make alike begin, behind an ellipsis, with the part of a path or of dotted words
// in which they first differ, if that tells more of them apart.
func labels(names []string, width, size float64) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = label(n, width, size)
	}
	for _, same := range alike(names, out) {
		from := divide(same, names)
		if from == 0 {
			continue
		}
		tried := make(map[int]string, len(same))
		kinds := map[string]bool{}
		for _, i := range same {
			tried[i] = short("…"+names[i][from:], width, size, false)
			kinds[tried[i]] = true
		}
		if len(kinds) > 1 {
			for i, s := range tried {
				out[i] = s
			}
		}
	}
	return out
}

// alike is the groups of places whose names differ and whose labels do not.
func alike(names, labels []string) (groups [][]int) {
	at := map[string][]int{}
	for i, l := range labels {
		at[l] = append(at[l], i)
	}
	for i, l := range labels {
		if g := at[l]; g[0] == i && slices.ContainsFunc(g, func(k int) bool { return names[k] != names[i] }) {
			groups = append(groups, g)
		}
	}
	return groups
}

// divide is where the part of a path or of dotted words begins in which names
// first differ.
func divide(group []int, names []string) int {
	first := names[group[0]]
	end := len(first)
	for _, i := range group[1:] {
		n := 0
		for n < min(end, len(names[i])) && names[i][n] == first[n] {
			n++
		}
		end = n
	}
	common := first[:end]
	if at := strings.LastIndexByte(common, '/'); at >= 0 {
		return at + 1
	}
	words := strings.LastIndexByte(common, '.')
	if rest := first[words+1:]; words > 0 && rest != "" && '0' <= rest[0] && rest[0] <= '9' {
		words = strings.LastIndexByte(common[:words], '.') // a number says nothing alone
	}
	return words + 1
}

// textName is the longest name in a text, in runes.
const textName = 60

// grid lays out rows as plain text in columns: the first to the left, the
// others to the right.
func grid(head []string, rows [][]string) string {
	width := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, r := range all {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, r := range all {
		var line strings.Builder
		for i, c := range r {
			if i == 0 {
				fmt.Fprintf(&line, "%-*s", width[0], c)
			} else {
				fmt.Fprintf(&line, "  %*s", width[i], c)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

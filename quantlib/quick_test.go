package quantlib_test

import "testing"

// quick reports whether tests of whole networks should do with few samples and
// leave the longest out: with -short, as on an emulated processor, which takes
// some thirty times as long, and where twins do the arithmetic of the kernels.
func quick() bool { return testing.Short() || twins }

// samples is n, or a sixteenth of it in a test that should be quick, but three at
// least where there are as many.
func samples(n int) int {
	if quick() {
		return max(min(n, 3), n/16)
	}
	return n
}

// threads is the numbers of threads to compare, or the last of them.
func threads(n ...int) []int {
	if quick() {
		return n[len(n)-1:]
	}
	return n
}

// long leaves a test out that cannot be quick, for the reason given.
func long(t *testing.T, why string) {
	t.Helper()
	if quick() {
		t.Skip("-short, or no kernels: " + why)
	}
}

// notShort leaves a test out with -short, whose many plans and grids say nothing
// about a processor that others do not.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: measures many plans or grids")
	}
}

//go:build noasm || (!amd64 && !arm64)

package quantlib_test

const twins = true // Go code does what kernels do elsewhere

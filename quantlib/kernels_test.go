//go:build !noasm && (amd64 || arm64)

package quantlib_test

const twins = false

// Package tools pins the programs that a Go notebook kernel needs on its PATH,
// goimports and gopls. It is a module of its own, so that their dependencies
// stay out of the product's go.mod. To move to other versions:
//
//	go -C kernelext/internal/setup/tools get -tool golang.org/x/tools/gopls@VERSION
package tools

module github.com/quantnb/quantnb/quantlib/bench

go 1.26.0

require (
	github.com/quantnb/quantnb v0.0.0
	golang.org/x/sys v0.49.0
)

require google.golang.org/protobuf v1.36.12 // indirect

replace github.com/quantnb/quantnb => ../..

package format_test

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/formattest"
)

func TestTheExamplesKeepTheContracts(t *testing.T) {
	formattest.Parser(t, parseText, []byte("in 3 out 2 weights 1 0 0 0 1 0 end\n"))
	formattest.Exporter(t, exportTable, nil)
}

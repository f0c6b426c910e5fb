package ops_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/ops"
)

var update = flag.Bool("update", false, "write OPERATORS.md anew")

// newest is the newest version of ONNX's operator set in the test vectors; 28
// is still open there.
const newest = 28

// TestOperatorTable holds OPERATORS.md to what is registered.
func TestOperatorTable(t *testing.T) {
	var b bytes.Buffer
	since := map[string][]int{}
	var names []string
	for _, op := range ops.All() {
		if op.Domain != "" {
			continue
		}
		if since[op.Name] == nil {
			names = append(names, op.Name)
		}
		since[op.Name] = append(since[op.Name], op.Since)
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "# Operators\n\nThe %d operators of ONNX's own domain that run, by `go test ./quantlib/ops -run TestOperatorTable -update`.\n", len(names))
	fmt.Fprintf(&b, "Models are read from opset 7 on. A column is a version of the operator set; `•` means that the operator runs at\nthat version. Node tests that are left out stand in\n[testdata/onnx-node-skip.txt](testdata/onnx-node-skip.txt) with the reason.\n\n")
	versions := []int{7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, newest}
	b.WriteString("| operator |")
	for _, v := range versions {
		fmt.Fprintf(&b, " %d |", v)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(versions)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, v := range versions {
			if v >= slices.Min(since[name]) {
				b.WriteString(" • |")
			} else {
				b.WriteString("  |")
			}
		}
		b.WriteByte('\n')
	}
	if len(names) < 150 {
		t.Errorf("%d operators, want 150 at least", len(names))
	}
	if *update {
		if err := os.WriteFile("OPERATORS.md", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("OPERATORS.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("OPERATORS.md is not what is registered; run with -update")
	}
}

package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestRegisteringNilOrTwicePanics(t *testing.T) {
	way := func(*ops.Call, []*tensor.Tensor, []*tensor.Tensor, []*tensor.Tensor, []bool) ([]*tensor.Tensor, error) {
		return nil, nil
	}
	ops.RegisterVJP("com.acme", "Double", way)
	for name, c := range map[string]struct {
		f    func()
		want string
	}{
		"a nil operator":             {func() { ops.Register("com.acme", "Nothing", 1, nil) }, "nil"},
		"an operator again":          {func() { ops.Register("com.acme", "Double", 1, double) }, "twice"},
		"an operator without a name": {func() { ops.Register("com.acme", "", 1, double) }, "operator"},
		"a version before the first": {func() { ops.Register("com.acme", "Nothing", 0, double) }, "version 0"},
		"a nil derivative":           {func() { ops.RegisterVJP("com.acme", "Nothing", nil) }, "nil"},
		"a derivative again":         {func() { ops.RegisterVJP("com.acme", "Double", way) }, "twice"},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, c.want) {
					t.Errorf("%s: it panics with %v, want %q in it", name, r, c.want)
				}
			}()
			c.f()
		}()
	}
}

package observe

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestFuncPanics(t *testing.T) {
	make := func(s quant.Scheme) Observer { return MinMax{}.New(s) }
	for name, f := range map[string]func(){
		"without a key":      func() { Func("", make) },
		"without a function": func() { Func("mine", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s it does not panic", name)
				}
			}()
			f()
		}()
	}
	if m := Func("mine", make); m.String() != "mine" || m.New(quant.Int(4)) == nil {
		t.Errorf("Func gives %v", m)
	}
}

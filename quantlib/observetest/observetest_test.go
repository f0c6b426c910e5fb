package observetest_test

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/observetest"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestMethodsKeepTheContract(t *testing.T) {
	for _, m := range []observe.Method{
		observe.MinMax{}, observe.MovingAverage{}, observe.MovingAverage{Decay: 0.5},
		observe.Percentile{}, observe.Percentile{P: 1}, observe.MSE{}, observe.KL{},
	} {
		t.Run(m.String(), func(t *testing.T) { observetest.Run(t, m) })
	}
}

// peak is an observer as a user writes it: two methods and no more.
type peak struct {
	most float32
	any  bool
}

func (p *peak) Observe(x []float32) {
	for _, v := range x {
		if v-v == 0 { // finite
			p.any = true
			p.most = max(p.most, v, -v)
		}
	}
}

func (p *peak) Range() (lo, hi float32, err error) {
	if !p.any {
		return 0, 0, observe.ErrNoData
	}
	return -p.most, p.most, nil
}

func TestUsersObserverKeepsTheContract(t *testing.T) {
	observetest.Run(t, observe.Func("peak", func(quant.Scheme) observe.Observer { return new(peak) }))
}

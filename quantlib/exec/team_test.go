package exec

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestTeamMakesEachCallOnce(t *testing.T) {
	for _, helpers := range []int{0, 1, 3} {
		team := newTeam(helpers)
		for round := range 200 {
			if round%50 == 49 {
				time.Sleep(2 * patience) // helpers fall asleep
			}
			n := 1 + round%9
			made := make([]atomic.Int32, n)
			team.run(n, func(i int) { made[i].Add(1) })
			for i := range made {
				if made[i].Load() != 1 {
					t.Fatalf("%d helpers, round %d: call %d of %d was made %d times", helpers, round, i, n, made[i].Load())
				}
			}
		}
		team.end()
	}
}

// Two calls that wait for each other end only if a helper makes one of them.
func TestTeamHelps(t *testing.T) {
	team := newTeam(1)
	defer team.end()
	for _, pause := range []time.Duration{0, 2 * patience, 20 * patience} {
		time.Sleep(pause)
		var met atomic.Int32
		team.run(2, func(int) {
			met.Add(1)
			for start := time.Now(); met.Load() < 2; runtime.Gosched() {
				if time.Since(start) > 20*time.Second {
					t.Errorf("after a pause of %v nobody helped", pause)
					return
				}
			}
		})
	}
}

func TestTeamPanicsAsTheFirstCallThatDoes(t *testing.T) {
	team := newTeam(2)
	defer team.end()
	for range 50 {
		var made atomic.Int32
		func() {
			defer func() {
				if r := recover(); fmt.Sprint(r) != "call 3" {
					t.Errorf("panic %v", r)
				}
			}()
			team.run(9, func(i int) {
				made.Add(1)
				if i >= 3 {
					panic(fmt.Sprint("call ", i))
				}
			})
		}()
		if made.Load() != 9 {
			t.Errorf("%d calls of 9", made.Load())
		}
	}
}

func TestTeamRunsCallsInsideCalls(t *testing.T) {
	team := newTeam(1)
	defer team.end()
	var made atomic.Int32
	team.run(4, func(int) { team.run(5, func(int) { made.Add(1) }) })
	if made.Load() != 20 {
		t.Errorf("%d calls of 20", made.Load())
	}
}

func TestTeamEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		team := newTeam(3)
		team.run(4, func(int) {})
		team.end()
		team = newTeam(3)
		time.Sleep(2 * patience)
		team.end() // of helpers that sleep
	}
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

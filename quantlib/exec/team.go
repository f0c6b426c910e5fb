package exec

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A team is the goroutines that help one run with the calls of its steps. To wake
// a thread takes longer than many a step, so a helper looks for the next job for a
// while before it sleeps. Nobody waits for a helper: whoever comes first takes the
// next call, and what others have not begun the run's own goroutine does.
type team struct {
	helpers int
	job     atomic.Pointer[job] // the newest; nil at the end
	asleep  atomic.Int32
	wake    chan struct{}
	busy    atomic.Bool // in a job
}

// job is the calls f(0) … f(n-1).
type job struct {
	n      int
	f      func(i int)
	next   atomic.Int64 // call that nobody has taken
	done   atomic.Int64
	ended  sync.WaitGroup
	mu     sync.Mutex
	failed int // call with the least number that panicked, or -1
	reason any
}

// patience is how long a helper looks for work: longer than a step that one thread
// does, shorter than what anyone notices.
const patience = 100 * time.Microsecond

func newTeam(helpers int) *team {
	t := &team{helpers: helpers, wake: make(chan struct{}, helpers)}
	first := &job{}
	t.job.Store(first)
	for range helpers {
		go t.help(first)
	}
	return t
}

// run makes n calls and waits for them. It panics as the first of those that panic.
func (t *team) run(n int, f func(i int)) {
	if !t.busy.CompareAndSwap(false, true) { // a call inside a call
		for i := range n {
			f(i)
		}
		return
	}
	defer t.busy.Store(false)
	j := &job{n: n, f: f, failed: -1}
	j.ended.Add(n)
	t.publish(j)
	j.work()
	for start := time.Now(); j.done.Load() < int64(n); {
		if time.Since(start) > patience {
			j.ended.Wait()
			break
		}
		runtime.Gosched()
	}
	if j.failed >= 0 {
		panic(j.reason)
	}
}

// publish makes j the newest job, and wakes those who sleep.
func (t *team) publish(j *job) {
	t.job.Store(j)
	for range t.asleep.Load() {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// end lets the helpers go.
func (t *team) end() { t.publish(nil) }

// help works on each job after last.
func (t *team) help(last *job) {
	for {
		j := t.await(last)
		if j == nil {
			return
		}
		j.work()
		last = j
	}
}

// await is the first job that is not last: awake for a while, then asleep.
func (t *team) await(last *job) *job {
	for start := time.Now(); time.Since(start) < patience; runtime.Gosched() {
		for range 100 {
			if j := t.job.Load(); j != last {
				return j
			}
		}
	}
	t.asleep.Add(1)
	defer t.asleep.Add(-1)
	for {
		if j := t.job.Load(); j != last {
			return j
		}
		<-t.wake
	}
}

// work makes calls while there are some that nobody has taken.
func (j *job) work() {
	for {
		i := int(j.next.Add(1)) - 1
		if i >= j.n {
			return
		}
		j.call(i)
	}
}

func (j *job) call(i int) {
	defer func() {
		if r := recover(); r != nil {
			j.mu.Lock()
			if j.failed < 0 || i < j.failed {
				j.failed, j.reason = i, r
			}
			j.mu.Unlock()
		}
		j.done.Add(1)
		j.ended.Done()
	}()
	j.f(i)
}

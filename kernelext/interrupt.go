package nb

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
)

// ErrInterrupted is the cause of a context that an interrupt has stopped.
var ErrInterrupted = errors.New("nb: the cell was interrupted")

// Context is for the work of a cell: interrupting the kernel (the ■ in the tool
// bar, I I on the keyboard, Control+C in a terminal) cancels it, with
// ErrInterrupted as its cause. Analyses that get it stop within milliseconds,
// and what they have done is kept for their next run.
//
//	grid, err := study.Grid(nb.Context())
//
// Without it an interrupt ends the program of the cell on the spot. After the
// first call an interrupt does no more than cancel the context: code that does
// not look at it runs on, until the kernel ends it by force five seconds after
// the interrupt.
func Context() context.Context { return interrupted() }

var interrupted = sync.OnceValue(func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	go func() {
		<-c
		cancel(ErrInterrupted)
	}()
	return ctx
})

// withInterrupt is ctx that an interrupt stops as well.
func withInterrupt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(Context(), func() { cancel(ErrInterrupted) })
	return ctx, func() { stop(); cancel(nil) }
}

package nb

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"reflect"
	"sync"
)

// ErrInterrupted is the cause of a context that an interrupt has stopped.
var ErrInterrupted = errors.New("nb: the cell was interrupted")

// Context is for the work of a cell: interrupting the kernel (the ■ in the tool
// bar, I I on the keyboard, Control+C in a terminal) cancels it, with
// ErrInterrupted as its cause. Analyses that get it stop within milliseconds,
// and what they have done is kept for their next run.
//
//	grid := nb.SoFar(study.Grid(nb.Context()))
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

// SoFar is v, like quantlib.Must, but where an interrupt has stopped the work it
// says so below the cell and returns what was done until then; what was measured
// is stored, and running the cell again goes on from there:
//
//	grid := nb.SoFar(study.Grid(nb.Context()))
//	nb.HeatMap(grid, q.Both) // with gaps where nothing was measured yet
//
// If nothing was done yet, as v is nil, it ends the program of the cell. It
// panics with any other error.
func SoFar[T any](v T, err error) T {
	switch {
	case err == nil:
		return v
	case !errors.Is(err, context.Canceled) || Context().Err() == nil:
		panic(err)
	}
	if x := reflect.ValueOf(&v).Elem(); (x.Kind() == reflect.Pointer || x.Kind() == reflect.Interface) && x.IsNil() {
		deliver(note("Interrupted before anything was measured."))
		exit(0)
	}
	deliver(note("Interrupted: what follows is what was done until then. Run the cell again to go on from there."))
	return v
}

var exit = os.Exit // tests replace it

func note(text string) bundle {
	return bundle{data: map[string]any{
		"text/plain": text,
		"text/html":  `<div role="status" style="border-left:4px solid #e69f00;padding:.4em .8em">` + text + `</div>`,
	}}
}

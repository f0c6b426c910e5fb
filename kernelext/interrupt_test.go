package nb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The interrupt is one of the whole process, so a process of its own gets it.
func TestInterruptStopsTheContext(t *testing.T) {
	if os.Getenv("NB_TEST_INTERRUPT") == "1" {
		ctx := Context()
		if got := SoFar(7, nil); got != 7 {
			t.Errorf("SoFar changes a result: %d", got)
		}
		inner, stop := withInterrupt(context.Background())
		defer stop()
		syscall.Kill(os.Getpid(), syscall.SIGINT)
		<-ctx.Done()
		<-inner.Done()
		if context.Cause(ctx) != ErrInterrupted || context.Cause(inner) != ErrInterrupted || ctx.Err() != context.Canceled {
			t.Errorf("the causes are %v and %v", context.Cause(ctx), context.Cause(inner))
		}
		partial := SoFar("some", fmt.Errorf("measuring: %w", ctx.Err()))
		fmt.Println("got", partial)
		exit = func(code int) { fmt.Println("exit", code); os.Exit(code) }
		SoFar((*int)(nil), ctx.Err())
		t.Fatal("SoFar goes on with nothing")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInterruptStopsTheContext$")
	cmd.Env = append(os.Environ(), "NB_TEST_INTERRUPT=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Interrupted: what follows", "got some", "Interrupted before anything was measured", "exit 0"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}

func TestSoFarPanicsWithOtherErrors(t *testing.T) {
	for _, err := range []error{errors.New("broken"), context.Canceled} { // nothing was interrupted here
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("SoFar takes %v for an interrupt", err)
				}
			}()
			SoFar(1, err)
		}()
	}
}

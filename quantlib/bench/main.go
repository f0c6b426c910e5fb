// The command bench measures quantlib beside other runtimes on the same
// networks and inputs.
//
//	go run . forward [flags]   ours and ONNX Runtime, alternately
//	go run . parity [flags]    their outputs alone
//	go run . layers [flags]    where our time goes, step by step
//	go run . sensitivity [flags]  what a cell of a sensitivity grid costs, beside PPQ and AIMET
//	go run . exported [flags]  exported files in ONNX Runtime, beside the simulation
//	go run . ppq [flags]       each layer's noise, ours and PPQ's
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("say forward, parity, layers, exported, ppq or sensitivity")
	}
	flags := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	patterns := flags.String("net", "*", "networks to run: comma-separated `patterns`")
	models := flags.String("models", "../../../shared/models", "`folder` of further .onnx files, which may be absent")
	batch := flags.Int("batch", 1, "images in one run")
	threads := flags.Int("threads", 2, "threads, and workers, of the modes with several")
	pairs := flags.Int("pairs", 9, "pairs of measurements")
	least := flags.Duration("least", 100*time.Millisecond, "least time of one side of a pair")
	clock := flags.String("time", "", "tell speed by `cpu` or wall time; default cpu on one thread, wall on several")
	runs := flags.Int("runs", 20, "layers: runs to take the least time of")
	most := flags.Int("most", 25, "layers: steps to print")
	samples := flags.Int("samples", 2, "sensitivity: samples to measure on")
	without := flags.String("without", "", "sensitivity: peers to leave out: `ppq,aimet`")
	profile := flags.String("cpuprofile", "", "write a profile of this process to `file`; of layers, from the first network's first run on")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 || *clock != "" && *clock != "cpu" && *clock != "wall" || *batch < 1 || *threads < 1 || *pairs < 1 || *runs < 1 {
		return fmt.Errorf("bad arguments %q", args)
	}
	list, err := networks(*patterns, *models)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "quantnb-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runtime.GOMAXPROCS(*threads) // which is how many our runs with several take
	profiling := func() error { return nil }
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		defer pprof.StopCPUProfile()
		profiling = sync.OnceValue(func() error { return pprof.StartCPUProfile(f) })
	}
	switch args[0] {
	case "layers":
		for _, n := range list {
			if err := layers(ctx, os.Stdout, n, dir, *batch, *runs, *most, profiling); err != nil {
				return err
			}
		}
		return nil
	case "sensitivity":
		s := &sensitivity{out: os.Stdout, dir: dir, threads: *threads, samples: *samples, pairs: *pairs, without: strings.Split(*without, ",")}
		if *samples < 1 {
			return fmt.Errorf("bad arguments %q", args)
		}
		for _, n := range list {
			if err := s.network(ctx, n); err != nil {
				return err
			}
		}
		return nil
	case "ppq":
		return ppq(ctx, os.Stdout, dir, *models)
	case "forward", "parity", "exported":
	default:
		return fmt.Errorf("unknown command %q; say forward, parity, layers, exported, ppq or sensitivity", args[0])
	}
	r, err := startORT(dir)
	if err != nil {
		return err
	}
	if err := profiling(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	fmt.Printf("onnxruntime %s, %s %s/%s\n", r.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if args[0] == "exported" {
		return exported(ctx, os.Stdout, dir, *models, r)
	}
	f := &forward{out: os.Stdout, dir: dir, ort: r, threads: *threads, batch: *batch, pairs: *pairs, least: *least, timed: args[0] == "forward", clock: *clock}
	var failed []error
	for _, n := range list {
		if err := f.network(ctx, n); errors.Is(err, errParity) {
			failed = append(failed, err)
		} else if err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

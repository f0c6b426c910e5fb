package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A step makes outputs from inputs.
type step struct {
	name    string   // for people, and of the stamp: "gopls"
	note    string   // what it does and how long, shown while it runs
	digest  string   // of all inputs; "" means never up to date
	outputs []string // absolute paths that exist after success
	maxAge  time.Duration
	local   bool // the stamp belongs to the checkout, not to the home
	do      func(context.Context) error
}

// run does the steps that are not up to date, in order, and stops at the first
// that fails. A stamp with the step's digest is written after success.
func (in *Installation) run(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		stamp := in.stamp(s)
		if !in.force && s.current(stamp) {
			in.log.printf("%-14s up to date", s.name)
			continue
		}
		in.log.printf("%-14s %s ...", s.name, s.note)
		start := time.Now()
		os.Remove(stamp)
		if err := s.do(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			in.log.printf("%-14s FAILED after %s", s.name, seconds(time.Since(start)))
			return fmt.Errorf("setting up %s: %w", s.name, err)
		}
		for _, out := range s.outputs {
			if _, err := os.Stat(out); err != nil {
				return fmt.Errorf("setting up %s: it ended well but left no %s", s.name, out)
			}
		}
		if s.digest != "" {
			if err := writeFile(stamp, []byte(s.digest+"\n"), 0o644); err != nil {
				return fmt.Errorf("setting up %s: %w", s.name, err)
			}
		}
		in.log.printf("%-14s done in %s", s.name, seconds(time.Since(start)))
	}
	return nil
}

func (in *Installation) stamp(s step) string {
	dir := in.Home
	if s.local {
		dir = in.Dir
	}
	return filepath.Join(dir, "stamps", strings.ReplaceAll(s.name, " ", "-"))
}

// current reports whether the stamp holds the step's digest, is not older than
// maxAge (0 means any age), and all outputs exist.
func (s step) current(stamp string) bool {
	if s.digest == "" {
		return false
	}
	got, err := os.ReadFile(stamp)
	if err != nil || strings.TrimSpace(string(got)) != s.digest {
		return false
	}
	if s.maxAge > 0 {
		info, err := os.Stat(stamp)
		if err != nil || time.Since(info.ModTime()) > s.maxAge {
			return false
		}
	}
	for _, out := range s.outputs {
		if _, err := os.Stat(out); err != nil {
			return false
		}
	}
	return true
}

// progress writes whole lines, from several goroutines, each with the time
// since the start.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

func newProgress(w io.Writer) *progress {
	if w == nil {
		w = io.Discard
	}
	return &progress{w: w, start: time.Now()}
}

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "%6s  %s\n", seconds(time.Since(p.start)), fmt.Sprintf(format, args...))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

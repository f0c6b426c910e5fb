package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quantnb/quantnb/kernelext/internal/resident"
)

const residentImports = `import (
	"flag"
	"fmt"
	"os"

	nb "github.com/quantnb/quantnb/kernelext"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)`

// residentCell measures a plan in the session and in the cell, and counts the
// progress that the session tells of: only the first cell is told of any.
const residentCell = `%%
shape, data := []int{1, 28, 28}, demo.Calibration()
told := 0
study := &q.Study{
	Model:       q.Must(q.Decode(demo.Model())),
	Calibration: q.Images{Pixels: data.Pixels[:64*784], Shape: shape, Divide: 255},
	NoMemo:      true,
	Progress:    func(string, int, int) { told++ },
}
r := q.Must(nb.Resident(nb.Context(), study, 32))
opening := told
plan := q.Must(q.Must(study.Uniform(8, 8)).With("op:Conv", 4, 4))
got := q.Must(r.Evaluate(nb.Context(), plan))
want := q.Must(q.Must(study.Probe(nb.Context(), 32)).Evaluate(nb.Context(), plan))
fmt.Println("why", r.Why(), "opened", opening > 0, "same", got == want)
fmt.Println("socket", os.Getenv("QUANTNB_RESIDENT_SOCKET"))`

// TestResidentSession has two cells of the real kernel share a session, which ends
// with the kernel.
func TestResidentSession(t *testing.T) {
	in := installed(t)
	argv := []string{in.self(), "kernel", "-config", in.kernelConfig(), "{connection_file}"}
	run := func(limit string) []string {
		t.Helper()
		t.Setenv(resident.BytesVariable, limit)
		var texts []string
		drive(t, in, "cells.py", map[string]any{
			"argv": argv, "env": environment(in.jupyterEnv()), "cells": []string{residentImports, residentCell, residentCell},
		}, &texts)
		if len(texts) != 3 {
			t.Fatalf("%q", texts)
		}
		return texts[1:]
	}
	texts := run("500M")
	for i, want := range []string{"why <nil> opened true same true", "why <nil> opened false same true"} {
		if !strings.Contains(texts[i], want) {
			t.Errorf("cell %d says %q, want %q", i+1, texts[i], want)
		}
	}
	_, socket, ok := strings.Cut(texts[0], "socket ")
	if socket = strings.TrimSpace(socket); !ok || !filepath.IsAbs(socket) {
		t.Fatalf("no socket is told: %q", texts[0])
	}
	gone := false
	for range 100 {
		if _, err := os.Stat(filepath.Dir(socket)); os.IsNotExist(err) {
			gone = true
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !gone {
		t.Errorf("five seconds after the kernel has ended, its session is there: %s", socket)
	}
	for i, text := range run("off") {
		if !strings.Contains(text, "why "+resident.ErrNoHost.Error()+" opened true same true") {
			t.Errorf("turned off, cell %d says %q", i+1, text)
		}
	}
}

package setup

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCompletionAndHelp asks the real kernel, as Tab and Shift-Tab do, for names
// of q and nb.
func TestCompletionAndHelp(t *testing.T) {
	in := installed(t)
	config, err := ReadKernelConfig(in.kernelConfig())
	if err != nil {
		t.Fatal(err)
	}
	complete := []struct{ code, want string }{
		{"%%\nnb.Inter|", "Interact"},
		{"%%\nq.Accur|", "Accuracy"},
		{"%%\nvar s *q.Study\ns.Gri|", "Grid"},
	}
	inspect := []struct{ code, want string }{
		{"%%\nnb.SNRBars|(nil, 4)", "SNRBars"},
		{"%%\nvar s *q.Study\ns.Grid|(nb.Context())", "noise at the network's output"},
		{"%%\nq.Op|en(\"a\")", "maps an ONNX file"},
	}
	arg := map[string]any{"log": filepath.Join(t.TempDir(), "kernel.log"), "cwd": t.TempDir(), "settle": 12, "cells": []string{interruptImports}}
	var c, i []string
	for _, x := range complete {
		c = append(c, x.code)
	}
	for _, x := range inspect {
		i = append(i, x.code)
	}
	arg["complete"], arg["inspect"] = c, i
	argv, env := config.Command("{connection_file}", in.jupyterEnv())
	arg["argv"], arg["env"] = argv, environment(env)
	data, err := json.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), in.venvPython(), filepath.Join("testdata", "help.py"), string(data))
	cmd.Env, cmd.Stderr = in.jupyterEnv(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("help.py: %v\n%s", err, tail(string(out), 10))
	}
	var got struct {
		Complete []struct {
			Seconds float64
			Got     []string
		}
		Inspect []struct {
			Seconds float64
			Got     string
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("help.py: %v\n%s", err, out)
	}
	for k, x := range complete {
		g := got.Complete[k]
		t.Logf("%q: %d matches in %.2f s", x.code, len(g.Got), g.Seconds)
		if !slices.ContainsFunc(g.Got, func(m string) bool { return strings.HasPrefix(m, x.want) || strings.Contains(m, "."+x.want) }) {
			t.Errorf("%q completes to %q, without %s", x.code, g.Got, x.want)
		}
	}
	for k, x := range inspect {
		g := got.Inspect[k]
		t.Logf("%q: %d bytes of help in %.2f s", x.code, len(g.Got), g.Seconds)
		if !strings.Contains(g.Got, x.want) {
			t.Errorf("the help on %q lacks %q: %s", x.code, x.want, g.Got)
		}
	}
}

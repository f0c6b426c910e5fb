package setup

import (
	"slices"
	"strings"
	"testing"
)

// TestCompletionAndHelp asks the real kernel, as Tab and Shift-Tab do, for names
// of q and nb.
func TestCompletionAndHelp(t *testing.T) {
	in := installed(t)
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
	var c, i []string
	for _, x := range complete {
		c = append(c, x.code)
	}
	for _, x := range inspect {
		i = append(i, x.code)
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
	drive(t, in, "help.py", map[string]any{
		"settle": 12, "cells": []string{interruptImports}, "complete": c, "inspect": i,
	}, &got)
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

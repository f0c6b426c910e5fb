package main

import (
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/sense"
)

// scorers are what -scorer names, in the order in which help lists them.
var scorers = []struct {
	name   string
	scorer sense.Scorer
}{
	{"exact", sense.Exact{}},
	{"onepass", sense.OnePass{}},
	{"hawq", sense.HAWQ{}},
	{"closed", sense.ClosedForm{}},
	{"random", sense.Random{Seed: 1}},
}

func scorerNames() []string {
	var names []string
	for _, s := range scorers {
		names = append(names, s.name)
	}
	return names
}

func scorerOf(name string) (sense.Scorer, error) {
	for _, s := range scorers {
		if s.name == name {
			return s.scorer, nil
		}
	}
	return nil, usage(fmt.Sprintf("-scorer: there is no %q; there are %s", name, strings.Join(scorerNames(), ", ")))
}

package main

import (
	"context"

	"github.com/quantnb/quantnb/kernelext/chart"
)

func (a *analysis) roofline(context.Context) error { return nil }

func (a *analysis) roofFigure(add func(string, *chart.Figure)) {}

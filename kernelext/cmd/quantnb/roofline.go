package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/report"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

// roofline sets each unit of the network against the device, with all at the
// widest of the widths that the device has everywhere.
func (a *analysis) roofline(context.Context) error {
	if a.work == nil || !a.device.HasLatency() {
		return nil
	}
	bits := 0
	for _, b := range a.bits {
		if a.m.Check(b, b) == nil {
			bits = b
		}
	}
	if bits == 0 {
		return fmt.Errorf("the profile %q has none of %v bits for all layers", a.device.Name, a.bits)
	}
	var works []hardware.Work
	for i := range a.work.Units {
		works = append(works, a.work.Units[i].At(func(int) int { return bits }))
	}
	a.rows, a.rowBits = a.device.Roofline(works), bits
	for _, r := range a.rows {
		for i := range a.report.Layers {
			if l := &a.report.Layers[i]; l.Name == r.Node {
				l.Roof = &report.Roof{Bits: bits, Seconds: report.Number(r.Seconds), Bound: string(r.Estimate.Bound),
					Bytes: report.Number(r.Bytes), Intensity: report.Number(r.Intensity)}
			}
		}
	}
	return nil
}

// roofFigure draws the units that multiply under the device's roofs. One
// multiply-accumulate is two operations.
func (a *analysis) roofFigure(add func(string, *chart.Figure)) {
	if len(a.rows) == 0 || !(a.device.Memory > 0) || len(a.device.Units) == 0 {
		return
	}
	d := chart.RooflineData{
		Title:     "Compute and memory on " + a.device.Name,
		Subtitle:  fmt.Sprintf("all at %d bits. %s", a.rowBits, a.device.Doc),
		Bandwidth: a.device.Memory,
	}
	at := map[hardware.Unit]int{}
	for _, u := range a.device.Units {
		if u.MACs <= 0 {
			continue
		}
		name := fmt.Sprintf("%d×%d", u.Weight, u.Activation)
		i := slices.IndexFunc(d.Roofs, func(r chart.Roof) bool { return r.Peak == 2*u.MACs })
		if i < 0 {
			i = len(d.Roofs)
			d.Roofs = append(d.Roofs, chart.Roof{Name: name, Peak: 2 * u.MACs})
		} else {
			d.Roofs[i].Name += ", " + name
		}
		at[u] = i
	}
	for i := range d.Roofs {
		d.Roofs[i].Name += " bits"
	}
	for _, r := range a.rows {
		if roof, ok := at[r.Unit]; ok && r.MACs > 0 && r.Seconds > 0 {
			d.Points = append(d.Points, chart.RoofPoint{Name: r.Node, Intensity: 2 * r.Intensity, Rate: 2 * float64(r.MACs) / r.Seconds, Roof: roof})
		}
	}
	if len(d.Roofs) > 0 && len(d.Points) > 0 {
		add("What the device makes of it", chart.Roofline(d))
	}
}

package sense

import "fmt"

// String is the grid that the table predicts from, and what the table knows beside it.
func (t *Table) String() string {
	text := t.grid.String()
	if t.factor != nil {
		text += "corrected, tie by tie, by plans that were measured\n"
	}
	if t.work != nil {
		device := "no device"
		if t.device != nil {
			device = t.device.Name
		}
		text += fmt.Sprintf("costs for one sample, latency on %s\n", device)
	}
	return text
}

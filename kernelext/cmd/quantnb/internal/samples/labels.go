package samples

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// readLabels reads a class for each sample: a NumPy array or an IDX file of whole
// numbers, a text file (.txt, .csv) with one number on each line, or else bytes.
func readLabels(path string) ([]int, error) {
	labels, err := parseLabels(path)
	if err != nil && !strings.Contains(err.Error(), path) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return labels, err
}

func parseLabels(path string) ([]int, error) {
	name := strings.ToLower(path)
	if strings.HasSuffix(name, ".txt") || strings.HasSuffix(name, ".csv") {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		labels := []int{}
		for i, line := range strings.Split(strings.TrimRight(string(data), "\r\n \t"), "\n") {
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				return nil, fmt.Errorf("line %d: %q is not a class number", i+1, strings.TrimSpace(line))
			}
			labels = append(labels, n)
		}
		return labels, nil
	}
	r, size, err := contents(path)
	if err != nil {
		return nil, err
	}
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	if strings.HasSuffix(name, ".npy") {
		return npyLabels(r, size)
	}
	a, ok, err := readIDX(r, size)
	if err != nil {
		return nil, err
	}
	if !ok {
		a = array{kind: element{'u', 1, false}, shape: []int{int(size)}}
	}
	if len(a.shape) != 1 || a.kind.kind == 'f' {
		return nil, fmt.Errorf("labels are a row of whole numbers, not %v of shape %v", a.kind, a.shape)
	}
	n, err := tensor.Elements(a.shape)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.NewSectionReader(r, a.at, int64(n*a.kind.size))); err != nil {
		return nil, err
	}
	if b.Len() != n*a.kind.size {
		return nil, io.ErrUnexpectedEOF
	}
	x := make([]float64, n)
	a.kind.decode(x, b.Bytes())
	return whole(x), nil
}

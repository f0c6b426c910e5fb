package resident

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// BytesVariable names the environment variable that limits what a host keeps: a
// number with K, M or G behind it, as 500M or 8G, of 1024-fold units; "off" means
// that there is no host.
const BytesVariable = "QUANTNB_RESIDENT"

const mostBytes = 2 << 30 // where the variable says nothing, and half of the memory is not less

// Limit is the bytes that the variable's text allows; 0 is no host.
func Limit(text string) (int64, error) {
	if text == "off" {
		return 0, nil
	}
	if text == "" {
		if half := memory() / 2; half > 0 {
			return min(half, mostBytes), nil
		}
		return mostBytes, nil
	}
	number, shift := text, 0
	if i := strings.IndexAny("KMG", text[len(text)-1:]); i >= 0 {
		number, shift = text[:len(text)-1], 10*(i+1)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%s is %q, want a number of bytes such as 500M or 8G, or off", BytesVariable, text)
	}
	return n << shift, nil
}

// memory is the machine's, 0 where it is not known.
func memory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kb int64
		if _, err := fmt.Sscanf(s.Text(), "MemTotal: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

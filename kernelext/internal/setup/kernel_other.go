//go:build !unix

package setup

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// Exec fails: the kernel needs named pipes.
func (c KernelConfig) Exec(connection string, env []string) error {
	return fmt.Errorf("the notebook kernel does not run on %s (on Windows, use WSL): %w", runtime.GOOS, errors.ErrUnsupported)
}

func terminate(p *os.Process) error { return p.Kill() }

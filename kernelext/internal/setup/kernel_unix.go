//go:build unix

package setup

import (
	"os"
	"syscall"
)

// Exec replaces this process with the kernel, so that Jupyter's signals reach
// it. It returns only on failure.
func (c KernelConfig) Exec(connection string, env []string) error {
	argv, env := c.Command(connection, env)
	return syscall.Exec(argv[0], argv, env)
}

// terminate asks a process to end.
func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

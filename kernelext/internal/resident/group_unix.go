//go:build unix

package resident

import (
	"os/exec"
	"syscall"
)

// apart keeps signals to the kernel's group from the host, which sees for itself
// that the kernel has ended, and then removes its folder.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

//go:build linux

// Command emulate is the first process of the small Linux system in which
// emulate.sh runs a test binary: it runs what the file /run says, a word to a
// line, variables of the environment first, writes what comes out to the
// serial console, and switches the machine off.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

func main() {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		os.Mkdir(m[1], 0o755)
		syscall.Mount(m[0], m[1], m[0], 0, "") // what fails is missed by the test, if anybody
	}
	err := run()
	fmt.Printf("emulate: ended with %v\n", err)
	syscall.Sync()
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}

func run() error {
	text, err := os.ReadFile("/run")
	if err != nil {
		return err
	}
	words := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	env := []string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/"}
	for len(words) > 0 && strings.Contains(words[0], "=") && !strings.HasPrefix(words[0], "-") && !strings.HasPrefix(words[0], "/") {
		env, words = append(env, words[0]), words[1:]
	}
	if len(words) == 0 {
		return fmt.Errorf("nothing to run")
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, "/tmp", os.Stdout, os.Stdout
	return cmd.Run()
}

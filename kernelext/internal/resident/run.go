package resident

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"
)

// longestPath is what a socket's path may take on every system (104 with its end on
// the BSDs).
const longestPath = 100

// Start starts a host beside this process, which is about to become the kernel: a
// program with these arguments and two more, a folder and this process's id, that
// calls Run with them. It returns what cells need in their environment, nothing
// where BytesVariable is "off".
func Start(program string, args ...string) (env []string, err error) {
	limit, err := Limit(os.Getenv(BytesVariable))
	if err != nil || limit == 0 {
		return nil, err
	}
	dir, err := socketFolder()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, append(args, dir, strconv.Itoa(os.Getpid()))...)
	cmd.Stdout, cmd.Stderr = log, log
	apart(cmd)
	if err := cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return []string{SocketVariable + "=" + filepath.Join(dir, socketName)}, nil
}

// socketFolder makes a folder for the user alone (MkdirTemp gives it the mode
// 0700), where the path of a socket in it is not too long.
func socketFolder() (string, error) {
	var err error
	for _, parent := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if !filepath.IsAbs(parent) {
			continue
		}
		var dir string
		if dir, err = os.MkdirTemp(parent, "quantnb-"); err != nil {
			continue
		}
		if len(filepath.Join(dir, socketName)) <= longestPath {
			return dir, nil
		}
		os.Remove(dir)
		err = fmt.Errorf("resident: the path of %s is too long for a socket", dir)
	}
	return "", err
}

// Run is the host's process: it serves cells until its parent ends, or ctx, and
// removes its folder. Interrupts, which Jupyter may send to all that belongs to the
// kernel, do not end it: a cell that is interrupted closes its connection.
func Run(ctx context.Context, dir string, parent int) error {
	signal.Ignore(os.Interrupt)
	defer os.RemoveAll(dir)
	limit, err := Limit(os.Getenv(BytesVariable))
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(limit)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if os.Getppid() != parent {
		return nil
	}
	l, err := Listen(dir)
	if err != nil {
		return err
	}
	go func() {
		for tick := time.Tick(250 * time.Millisecond); os.Getppid() == parent; {
			<-tick
		}
		cancel()
	}()
	return (&Host{Build: Build(), Bytes: limit}).Serve(ctx, l)
}

package setup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"
)

// LabOptions says how JupyterLab is opened.
type LabOptions struct {
	Notebook  string // opened first; "" shows the folder of notebooks
	NoBrowser bool   // only print the address
	Port      int    // 0 means Jupyter's own choice, 8888 and up
	Extra     []string
}

// Lab runs JupyterLab on the checkout's notebooks until it is stopped. The
// installation must be complete; see All.
func (in *Installation) Lab(ctx context.Context, opt LabOptions) error {
	cmd, err := in.labCommand(ctx, opt)
	if err != nil {
		return err
	}
	in.log.printf("%-14s JupyterLab on %s; stop it with Ctrl-C", "opening", cmd.Dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// An interrupt from the terminal reaches JupyterLab too, which asks back;
	// it must find us still there.
	ignored := make(chan os.Signal, 8)
	signal.Notify(ignored, os.Interrupt)
	defer signal.Stop(ignored)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("JupyterLab: %w", err)
	}
	return nil
}

// labCommand is the JupyterLab process, in the folder that it serves.
func (in *Installation) labCommand(ctx context.Context, opt LabOptions) (*exec.Cmd, error) {
	root := filepath.Join(in.Checkout, "notebooks")
	open := root
	if opt.Notebook != "" {
		abs, err := filepath.Abs(opt.Notebook)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(abs); err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(root, abs); err != nil || !filepath.IsLocal(rel) {
			root = filepath.Dir(abs)
		}
		open = abs
	} else if _, err := os.Stat(root); err != nil {
		return nil, err
	}
	args := []string{"-m", "jupyterlab", "--ServerApp.root_dir=" + root}
	if opt.NoBrowser {
		args = append(args, "--no-browser")
	}
	if opt.Port != 0 {
		args = append(args, "--port="+strconv.Itoa(opt.Port), "--ServerApp.port_retries=0")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	args = append(args, opt.Extra...)
	if opt.Notebook != "" {
		args = append(args, open)
	} else {
		// Without a file to open, JupyterLab shows the folder that it serves.
		args = append(args, "--LabApp.default_url=/lab")
	}
	cmd := exec.CommandContext(ctx, in.venvPython(), args...)
	cmd.Env = in.jupyterEnv()
	cmd.Dir = root
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

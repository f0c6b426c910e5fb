package setup

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
)

// KernelName is the folder of the kernelspec and the name in a notebook's
// metadata; DisplayName is what JupyterLab shows.
const (
	KernelName  = "quantnb"
	DisplayName = "Go + QuantNB"
)

//go:embed logo.svg
var logo []byte

// WriteSpec writes the kernelspec below prefix/share/jupyter/kernels and
// returns its folder. Files that already hold the right bytes are left alone.
func (in *Installation) WriteSpec(prefix string) (string, error) {
	return in.writeSpec(filepath.Join(prefix, "share", "jupyter"))
}

// WriteUserSpec writes the kernelspec into the user's own Jupyter folder, where
// every Jupyter of this user finds it.
func (in *Installation) WriteUserSpec() (string, error) {
	dir, err := userJupyter()
	if err != nil {
		return "", err
	}
	return in.writeSpec(dir)
}

// userJupyter is Jupyter's data folder of the user, as jupyter_core has it.
func userJupyter() (string, error) {
	if dir := os.Getenv("JUPYTER_DATA_DIR"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Jupyter"), nil
	}
	if data := os.Getenv("XDG_DATA_HOME"); data != "" {
		return filepath.Join(data, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

func (in *Installation) writeSpec(jupyter string) (string, error) {
	dir := filepath.Join(jupyter, "kernels", KernelName)
	spec, err := json.MarshalIndent(map[string]any{
		"argv":           []string{in.self(), "kernel", "-config", in.kernelConfig(), "{connection_file}"},
		"display_name":   DisplayName,
		"language":       "go",
		"interrupt_mode": "message",
		"env":            map[string]string{},
		"metadata":       map[string]any{"debugger": false},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	for name, data := range map[string][]byte{"kernel.json": append(spec, '\n'), "logo-svg.svg": logo} {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, data) {
			continue
		}
		if err := writeFile(file, data, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/quantnb/quantnb/quantlib/tensor"

	qexec "github.com/quantnb/quantnb/quantlib/exec"
)

//go:embed ort_server.py
var serverScript []byte

// ort is ONNX Runtime in a process of its own.
type ort struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	dir     string // of tensors on their way
	version string
	count   int
}

// startORT starts the server. The first time it makes a Python environment with
// onnxruntime and numpy in the user's cache.
func startORT(dir string) (*ort, error) {
	python, err := environment()
	if err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "ort_server.py")
	if err := os.WriteFile(script, serverScript, 0o644); err != nil {
		return nil, err
	}
	r := &ort{cmd: exec.Command(python, script), dir: dir}
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewReader(out)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", python, err)
	}
	var reply struct{ Version string }
	if err := r.call(map[string]any{"op": "version"}, &reply); err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.version = reply.Version
	return r, nil
}

// environment is the Python that has onnxruntime.
func environment() (string, error) {
	return pythonWith("venv", "import onnxruntime, numpy", []string{"onnxruntime", "numpy"})
}

// pythonWith is the Python of an environment in the user's cache in which the
// statement works. It is made of the packages where it does not.
func pythonWith(name, statement string, packages []string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	venv := filepath.Join(cache, "quantnb-bench", name)
	python := filepath.Join(venv, "bin", "python")
	if exec.Command(python, "-c", statement).Run() == nil {
		return python, nil
	}
	fmt.Fprintln(os.Stderr, "making a Python environment with", packages, "in", venv)
	for _, args := range [][]string{
		{"python3", "-m", "venv", venv},
		append([]string{python, "-m", "pip", "install", "--quiet"}, packages...),
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return python, nil
}

// call sends one request and waits for its reply.
func (r *ort) call(request map[string]any, reply any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("onnxruntime: %v: %w", request["op"], err)
	}
	line, err = r.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("onnxruntime: %v: %w", request["op"], err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		return fmt.Errorf("onnxruntime: %q: %w", line, err)
	}
	if failed.Error != "" {
		return fmt.Errorf("onnxruntime: %v: %s", request["op"], failed.Error)
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(line, reply)
}

func (r *ort) close() error {
	r.in.Close()
	return r.cmd.Wait()
}

// open makes a session of the file and returns its id.
func (r *ort) open(path string, threads int) (int, error) { return r.openAt(path, threads, "all") }

// openAt is open with all graph optimizations or "none".
func (r *ort) openAt(path string, threads int, level string) (int, error) {
	r.count++
	return r.count, r.call(map[string]any{"op": "open", "id": r.count, "path": path, "threads": threads, "level": level}, nil)
}

func (r *ort) free(id int) error { return r.call(map[string]any{"op": "close", "id": id}, nil) }

// dtypes are numpy's names.
var dtypes = map[tensor.DType]string{tensor.Float32: "<f4", tensor.Int64: "<i8"}

// feed hands inputs over, as the given feed.
func (r *ort) feed(id string, in qexec.Values) error {
	var list []map[string]any
	for name, t := range in {
		dt, ok := dtypes[t.DType()]
		if !ok {
			return fmt.Errorf("input %q is %v: %w", name, t.DType(), errors.ErrUnsupported)
		}
		path := filepath.Join(r.dir, fmt.Sprintf("in-%d.bin", len(list)))
		if err := os.WriteFile(path, t.Bytes(), 0o644); err != nil {
			return err
		}
		list = append(list, map[string]any{"name": name, "path": path, "dtype": dt, "shape": t.Shape()})
	}
	return r.call(map[string]any{"op": "feed", "id": id, "tensors": list}, nil)
}

// run is the first output, float32, of one run.
func (r *ort) run(id int, feed string) ([]float32, error) {
	path := filepath.Join(r.dir, "out.bin")
	var reply struct {
		Outputs []struct {
			Shape []int
			DType string
		}
	}
	if err := r.call(map[string]any{"op": "run", "id": id, "feed": feed, "paths": []string{path}}, &reply); err != nil {
		return nil, err
	}
	if len(reply.Outputs) == 0 || reply.Outputs[0].DType != "float32" {
		return nil, fmt.Errorf("onnxruntime: outputs %v", reply.Outputs)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := tensor.FromBytes(tensor.Float32, data, reply.Outputs[0].Shape...)
	if err != nil {
		return nil, err
	}
	return t.F32(), t.Err()
}

// time is what n runs on each of some workers take.
func (r *ort) time(id int, feed string, workers, n int) (cost, error) {
	var reply struct{ Seconds, CPU float64 }
	err := r.call(map[string]any{"op": "time", "id": id, "feed": feed, "workers": workers, "n": n}, &reply)
	return cost{reply.Seconds, reply.CPU}, err
}

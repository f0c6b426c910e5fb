package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is another library in a Python process of its own, which answers one line
// of JSON with another.
type peer struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// startPeer runs a script; what it says on standard error goes to log.
func startPeer(name, python, dir string, script []byte, log io.Writer) (*peer, error) {
	path := filepath.Join(dir, name+"_peer.py") // not the name of a module
	if err := os.WriteFile(path, script, 0o644); err != nil {
		return nil, err
	}
	p := &peer{name: name, cmd: exec.Command(python, path)}
	p.cmd.Dir = dir // where it may leave files
	p.cmd.Stderr = log
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: starting %s: %w", name, python, err)
	}
	return p, nil
}

// call sends one request and waits for its reply.
func (p *peer) call(request map[string]any, reply any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %v: %w", p.name, request["op"], err)
	}
	if line, err = p.out.ReadBytes('\n'); err != nil {
		return fmt.Errorf("%s: %v: %w", p.name, request["op"], err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		return fmt.Errorf("%s: %q: %w", p.name, line, err)
	}
	if failed.Error != "" {
		return fmt.Errorf("%s: %v: %s", p.name, request["op"], failed.Error)
	}
	return json.Unmarshal(line, reply)
}

func (p *peer) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Toolchain is the Go that a checkout is built with. Go may have switched to
// another version than the one on PATH, as go.mod asks: cells must use that one.
type Toolchain struct {
	Command string // absolute path of the go command in Root
	Root    string // GOROOT
	Version string // "go1.26.0"
	Cache   string // GOCACHE
	Mod     string // GOMODCACHE
}

// findGo asks the go command on PATH which toolchain serves dir.
func findGo(ctx context.Context, dir string) (Toolchain, error) {
	found, err := exec.LookPath("go")
	if err != nil {
		return Toolchain{}, &Missing{
			What:   "Go 1.26 or later",
			Why:    "no go command on PATH",
			Remedy: "https://go.dev/doc/install",
		}
	}
	cmd := exec.CommandContext(ctx, found, "env", "-json", "GOROOT", "GOVERSION", "GOCACHE", "GOMODCACHE")
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(errs.String())
		if strings.Contains(text, "requires go") || strings.Contains(text, "toolchain") {
			return Toolchain{}, &Missing{
				What:   "a Go that is new enough",
				Why:    text,
				Remedy: "https://go.dev/doc/install, or let Go fetch it: go env -w GOTOOLCHAIN=auto",
			}
		}
		return Toolchain{}, fmt.Errorf("%s env: %w\n%s", found, err, text)
	}
	var env struct{ GOROOT, GOVERSION, GOCACHE, GOMODCACHE string }
	if err := json.Unmarshal(out.Bytes(), &env); err != nil {
		return Toolchain{}, fmt.Errorf("%s env -json: %w", found, err)
	}
	t := Toolchain{
		Command: filepath.Join(env.GOROOT, "bin", "go"),
		Root:    env.GOROOT, Version: env.GOVERSION, Cache: env.GOCACHE, Mod: env.GOMODCACHE,
	}
	if runtime.GOOS == "windows" {
		t.Command += ".exe"
	}
	if _, err := os.Stat(t.Command); err != nil {
		t.Command = found // a distribution that keeps the command elsewhere
	}
	return t, nil
}

// buildEnv is the environment in which tools are built: the user's own, except
// for what would change the result.
func buildEnv() []string {
	return withEnv(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false -ldflags=-s", "GOWORK=off", "CGO_ENABLED=0")
}

// withEnv returns env with the given KEY=VALUE entries instead of its own.
func withEnv(env []string, set ...string) []string {
	var out []string
	replaced := func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		for _, s := range set {
			if k, _, _ := strings.Cut(s, "="); k == key {
				return true
			}
		}
		return false
	}
	for _, e := range env {
		if !replaced(e) {
			out = append(out, e)
		}
	}
	return append(out, set...)
}

// goCommand runs the go command and returns its standard output. The error
// holds the last lines of what it wrote to standard error; one that comes from
// an unreachable network is a *Missing.
func (in *Installation) goCommand(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, in.Go.Command, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return "", err
		}
		text := tail(errs.String(), 30)
		if offline(text) {
			return "", &Missing{
				What:   "the network, for Go modules",
				Why:    text,
				Remedy: "connect, or set GOPROXY to a module proxy that this machine reaches, and run it again",
			}
		}
		return "", fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args[:min(len(args), 4)], " "), dir, err, text)
	}
	return out.String(), nil
}

var offlineText = regexp.MustCompile(`(?i)dial tcp|no such host|network is unreachable|connection refused|` +
	`i/o timeout|module lookup disabled by GOPROXY=off|name resolution|TLS handshake|` +
	`Failed to establish a new connection|No matching distribution found|Max retries exceeded|NewConnectionError|` +
	`could not resolve`)

// offline reports whether the text of a failed download looks like a missing
// network and not like a mistake.
func offline(text string) bool { return offlineText.MatchString(text) }

// tail returns the last n lines of s, without the empty ones.
func tail(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

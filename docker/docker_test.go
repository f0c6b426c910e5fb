//go:build unix

// Package docker holds no Go code but the test of the image.
package docker_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDockerfile holds without an engine: what the file copies exists, it does
// not end as root, and its bases are arguments with a version in them.
func TestDockerfile(t *testing.T) {
	data, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case f[0] == "COPY" && !strings.Contains(line, "--from="):
			for _, name := range f[1 : len(f)-1] {
				if strings.HasPrefix(name, "--") {
					continue
				}
				if _, err := os.Stat(filepath.Join("..", name)); err != nil {
					t.Errorf("%s: %v", strings.TrimSpace(line), err)
				}
			}
		case f[0] == "FROM":
			user = ""
		case f[0] == "USER":
			user = f[1]
		case f[0] == "ARG" && strings.Contains(line, "_IMAGE="):
			if !regexp.MustCompile(`_IMAGE=[^:]+:[^:]+$`).MatchString(f[1]) || strings.HasSuffix(f[1], ":latest") {
				t.Errorf("%s: a base without a version", strings.TrimSpace(line))
			}
		}
	}
	if user == "" || user == "root" || user == "0" {
		t.Errorf("the image runs as %q", user)
	}
}

// TestImage builds the image with buildah, on stand-ins where the bases are not
// at hand, and uses it as a person would: it runs a notebook, starts JupyterLab
// and asks it with and without the token.
func TestImage(t *testing.T) {
	if os.Getenv("QUANTNB_DOCKER") == "" {
		t.Skip("QUANTNB_DOCKER is not set: building the image takes minutes, root, buildah and debootstrap")
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Fatal(err)
	}
	bases := dockerfileArgs(t)
	if buildah(t, time.Minute, "images", "--quiet", bases["GO_IMAGE"]).err != nil {
		run(t, time.Hour, "./bases").must(t)
	}
	args := []string{"build", "--format", "docker", "--network", "host", "--layers", "--pull-never",
		"-f", "Dockerfile", "-t", "quantnb-test"}
	for _, name := range []string{"GOPROXY", "GOSUMDB"} {
		if v := strings.TrimSpace(run(t, time.Minute, "go", "env", name).out); v != "" {
			args = append(args, "--build-arg", name+"="+v)
		}
	}
	buildah(t, 2*time.Hour, append(args, "..")...).must(t)

	c := strings.TrimSpace(buildah(t, 10*time.Minute, "from", "--pull-never", "quantnb-test").must(t))
	t.Cleanup(func() { buildah(t, 5*time.Minute, "rm", c) })
	inside := func(limit time.Duration, script string) result {
		// No network but loopback's: the host's is there, so registries are
		// cut off by name.
		return buildah(t, limit, "run", "--network", "host", "--user", "quantnb",
			"--env", "GOPROXY=off", "--env", "PIP_NO_INDEX=1", c, "--", "/usr/local/bin/start", "sh", "-euc", script)
	}

	if got := strings.TrimSpace(inside(time.Minute, "id -u").must(t)); got != "1000" {
		t.Errorf("runs as user %s", got)
	}
	specs := inside(time.Minute, "jupyter kernelspec list --json 2>/dev/null").must(t)
	if !strings.Contains(specs, "Go + QuantNB") {
		t.Errorf("Jupyter does not know the kernel: %s", specs)
	}

	start := time.Now()
	inside(15*time.Minute, `jupyter nbconvert --to notebook --execute --output-dir /tmp/out 01-what-if.ipynb`).must(t)
	t.Logf("01-what-if.ipynb executed in %v", time.Since(start).Round(time.Second))
	book := inside(time.Minute, "cat /tmp/out/01-what-if.ipynb").must(t)
	if pictures := strings.Count(book, `"image/png"`); pictures < 4 {
		t.Errorf("the executed notebook holds %d pictures", pictures)
	}

	// The cells were built after the record of the image's own build: none was due anew.
	if records := inside(time.Minute, "ls /opt/quantnb/home/checkouts/*/records").must(t); !strings.Contains(records, ".json") || strings.Contains(records, ".began") {
		t.Errorf("the record of how cells are built is out of date in the image: %q", records)
	}

	answer := inside(5*time.Minute, `
export JUPYTER_TOKEN=tried
jupyter lab --ip=127.0.0.1 --port=18888 --no-browser >/tmp/lab.log 2>&1 &
lab=$!
for i in $(seq 120); do
	if JUPYTER_PORT=18888 healthy >/tmp/health 2>&1; then break; fi
	sleep 0.5
done
cat /tmp/health
python3 - <<'P'
import json, urllib.request, urllib.error
def ask(token):
    r = urllib.request.Request("http://127.0.0.1:18888/api/kernelspecs", headers={"Authorization": "token " + token} if token else {})
    try:
        with urllib.request.urlopen(r, timeout=20) as a:
            return [a.status, sorted(json.load(a)["kernelspecs"])]
    except urllib.error.HTTPError as e:
        return [e.code, []]
print(json.dumps({"without": ask(""), "wrong": ask("no"), "with": ask("tried")}))
P
kill $lab`).must(t)
	t.Logf("%s", answer)
	var got map[string][2]any
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	if got["without"][0] != 403.0 || got["wrong"][0] != 403.0 || got["with"][0] != 200.0 {
		t.Errorf("the token does not guard the server: %v", got)
	}
	if !strings.Contains(lines[0], "Jupyter Server") {
		t.Errorf("the health check failed: %s", lines[0])
	}
}

// dockerfileArgs is the arguments of the Dockerfile with a default.
func dockerfileArgs(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ARG (\w+)=(\S+)$`).FindAllStringSubmatch(string(data), -1) {
		args[m[1]] = m[2]
	}
	return args
}

type result struct {
	out string
	err error
}

// must is the output, or the end of the test.
func (r result) must(t *testing.T) string {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.out
}

func buildah(t *testing.T, limit time.Duration, args ...string) result {
	t.Helper()
	return run(t, limit, "buildah", args...)
}

// run is a command with the storage and isolation that need no privileges
// beyond root's.
func run(t *testing.T, limit time.Duration, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "STORAGE_DRIVER=vfs", "BUILDAH_ISOLATION=chroot")
	// All that it started ends with it, and it may clean up first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		text := errs.String() + out.String()
		err = errors.New(name + " " + strings.Join(args[:min(2, len(args))], " ") + ": " + err.Error() + "\n" + text[max(0, len(text)-4000):])
	}
	return result{out.String(), err}
}

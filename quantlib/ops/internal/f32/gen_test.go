package f32

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The assembly in the tree is what its generators write.
func TestAssemblyIsGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generators")
	}
	line := regexp.MustCompile(`(?m)^//go:generate go -C gen (run .*) -out \.\./(\S+)( -pkg f32)?$`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			found++
			t.Run(m[2], func(t *testing.T) { regenerate(t, m[2], strings.Fields(m[1]+" "+m[3])) })
		}
	}
	if found < 2 {
		t.Errorf("%d generated files", found)
	}
}

func regenerate(t *testing.T, file string, args []string) {
	out := filepath.Join(t.TempDir(), file)
	cmd := exec.Command("go", append(args, "-out", out)...)
	cmd.Dir = "gen"
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOOS=", "GOARCH=", "GOWORK=off")
	if msg, err := cmd.CombinedOutput(); err != nil {
		if bytes.Contains(msg, []byte("GOPROXY=off")) {
			t.Skipf("the generator's modules are not in the module cache (cd gen && go mod download): %s", msg)
		}
		t.Fatalf("%v: %s", err, msg)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The first line names the command.
	_, got, _ = bytes.Cut(got, []byte("\n"))
	_, want, _ = bytes.Cut(want, []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what gen writes: go generate", file)
	}
}

package quantlib_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
)

// resumeEnv makes TestMeasureForResume measure: it is the child of the test below.
const resumeEnv = "QUANTNB_TEST_RESUME"

func resumeStudy(t *testing.T) *quantlib.Study {
	s := newStudy(t, 48, 10)
	s.Samples = 48
	return s
}

// TestMeasureForResume measures a grid that takes some seconds, and tells how far
// it is, when another test asks for it in a process of its own.
func TestMeasureForResume(t *testing.T) {
	if os.Getenv(resumeEnv) == "" {
		t.Skip("is run by TestKilledGridGoesOnWhereItWas")
	}
	s := resumeStudy(t)
	s.NoMemo = false
	s.Progress = func(what string, done, total int) {
		if what == "measuring layers" {
			fmt.Println("measured", done, total)
		}
	}
	if _, err := s.Grid(context.Background(), 2, 3, 4, 5, 6, 7, 8); err != nil {
		t.Fatal(err)
	}
	fmt.Println("finished")
}

func isolate(t *testing.T) (env []string) {
	folder := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, folder)
		env = append(env, name+"="+folder)
	}
	return env
}

func TestKilledGridGoesOnWhereItWas(t *testing.T) {
	long(t, "measures a grid three times")
	env := isolate(t)
	cmd := osexec.Command(os.Args[0], "-test.run=^TestMeasureForResume$", "-test.v")
	cmd.Env = append(append(os.Environ(), env...), resumeEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip("an emulated processor's programs cannot be started from within: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	var done, total int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "finished") {
			t.Fatal("the child finished before it was killed")
		}
		if n, _ := fmt.Sscanf(lines.Text(), "measured %d %d", &done, &total); n == 2 && done > total*2/3 {
			break
		}
	}
	cmd.Process.Kill() // SIGKILL where there are signals
	for lines.Scan() {
		fmt.Sscanf(lines.Text(), "measured %d %d", &done, &total)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	s := resumeStudy(t)
	s.NoMemo = false
	g, err := s.Grid(context.Background(), 2, 3, 4, 5, 6, 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("killed after %d of %d measurements; %d were found again", done, total, g.Found)
	// A fifth of a second of work may be lost; the child reports what it has done
	// before it is written.
	if g.Found < total/4 || g.Found > done+2 {
		t.Errorf("%d measurements were found again; the child had done %d of %d", g.Found, done, total)
	}
	fresh := resumeStudy(t)
	want, err := fresh.Grid(context.Background(), 2, 3, 4, 5, 6, 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	sameCells(t, "killed and resumed, and uninterrupted", g, want)
	if g.Calls != want.Calls || g.Full != want.Full || want.Found != 0 {
		t.Errorf("calls %d of %d, uninterrupted %d of %d", g.Calls, g.Full, want.Calls, want.Full)
	}
	// Other widths of the same network find what they share.
	fewer, err := s.Grid(context.Background(), 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	if fewer.Full == 0 || fewer.Found != len(fewer.NSRs)/fewer.Samples*3 {
		t.Errorf("%d measurements found, want all of %d rows in 3 batches", fewer.Found, len(fewer.NSRs)/fewer.Samples)
	}
}

func TestStoppedGridGivesWhatItHas(t *testing.T) {
	isolate(t)
	s := resumeStudy(t)
	s.NoMemo = false
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := 0
	s.OnCell = func(p quantlib.Progressive) {
		if seen++; p.Done == p.Total/2 {
			cancel()
		}
		if !p.Cell.Valid || p.Cell.Samples == 0 || p.Layer == "" {
			t.Errorf("a cell without figures: %+v", p)
		}
	}
	g, err := s.Grid(ctx, 4, 8)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if g == nil || seen == 0 {
		t.Fatalf("grid %v, %d cells seen", g, seen)
	}
	valid, short := 0, 0
	for _, c := range g.Cells {
		if c.Valid {
			valid++
		}
		if c.Samples < g.Samples {
			short++
		}
	}
	if valid == 0 || short == 0 {
		t.Errorf("%d cells of %d have figures, %d of fewer samples than asked", valid, len(g.Cells), short)
	}
	s.OnCell = nil
	again, err := s.Grid(context.Background(), 4, 8)
	if err != nil || again.Found == 0 {
		t.Fatalf("the next call found %v of what was measured, %v", again, err)
	}
	s = resumeStudy(t)
	want, err := s.Grid(context.Background(), 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	sameCells(t, "stopped and gone on with, and uninterrupted", again, want)
}

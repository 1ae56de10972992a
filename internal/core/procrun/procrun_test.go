//go:build unix

package procrun

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, ctx context.Context, env map[string]string, argv ...string) Outcome {
	t.Helper()
	c, err := Prepare(argv, env)
	require.NoError(t, err)
	var got Outcome
	require.NoError(t, c.Run(ctx, func(o Outcome) { o.Output = bytes.Clone(o.Output); got = o }))
	return got
}

func TestOutputAndCode(t *testing.T) {
	t.Parallel()
	o := run(t, context.Background(), nil, "sh", "-c", "echo out; echo err >&2; exit 2")
	require.Equal(t, "out\nerr\n", string(o.Output))
	require.Equal(t, 2, o.ExitCode)
	o = run(t, context.Background(), nil, "sh", "-c", "kill -9 $$")
	require.Equal(t, syscall.SIGKILL, o.Signal)
	_, err := Prepare([]string{"no-such-program-here"}, nil)
	require.ErrorContains(t, err, "was not found")
	c, err := Prepare([]string{"/no/such/file"}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, c.Run(context.Background(), func(Outcome) {}), "no such file")
}

func TestEnvironmentIsAllowListed(t *testing.T) {
	t.Setenv("MAINSTAY_BOOTSTRAP_TOKEN", "very-secret")
	o := run(t, context.Background(), map[string]string{"MINE": "1", "HOME": "/nowhere"}, "env")
	require.NotContains(t, string(o.Output), "very-secret")
	require.Contains(t, string(o.Output), "MINE=1\n")
	require.Contains(t, string(o.Output), "HOME=/nowhere\n")
	require.Equal(t, 1, strings.Count(string(o.Output), "HOME="))
}

func TestTimeoutKillsChildren(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends the run once the grandchild has said its number
		for ctx.Err() == nil {
			if b, _ := os.ReadFile(file); bytes.HasSuffix(b, []byte("\n")) {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	o := run(t, ctx, nil, "sh", "-c", `sh -c 'echo $$ >`+file+`; sleep 300' & wait`)
	require.True(t, o.TimedOut)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !alive(pid) }, 5*time.Second, 2*time.Millisecond)
}

// alive is false for a process that is gone or waits to be reaped.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

func TestFloodIsCutAndKilled(t *testing.T) {
	t.Parallel()
	o := run(t, context.Background(), nil, "yes", "flood")
	require.True(t, o.Flooded)
	require.Len(t, o.Output, MaxOutput)
	require.Equal(t, syscall.SIGKILL, o.Signal)
}

// The parent is gone but a child holds the output open: the run ends with ctx.
func TestOrphanHoldingOutput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	o := run(t, ctx, nil, "sh", "-c", "sleep 300 & exit 0")
	require.True(t, o.TimedOut)
}

func BenchmarkRun(b *testing.B) {
	c, err := Prepare([]string{"/bin/true"}, nil)
	require.NoError(b, err)
	for b.Loop() {
		_ = c.Run(context.Background(), func(Outcome) {})
	}
}

func BenchmarkBareExec(b *testing.B) {
	for b.Loop() {
		_, _ = exec.Command("/bin/true").Output()
	}
}

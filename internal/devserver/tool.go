package devserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// stillBuildingEvery is how often a person who waits for a build hears that it goes on.
const stillBuildingEvery = 30 * time.Second

// tool is a program that is built from a module of its own, once, into a cache folder.
type tool struct {
	name      string // of the program's file
	title     string // what people are told it is
	version   string // part of the file's name
	folder    string // of the module
	pkg       string // the program's package
	linker    string // flags for the linker
	cache     string // folder of the built file
	goCommand string // a path, or a name on the PATH
}

// path is the built program's file, which is built first where it isn't there. Of all that ask at once, one builds.
func (t tool) path(ctx context.Context, messages io.Writer) (string, error) {
	fingerprint, err := t.fingerprint()
	if err != nil {
		return "", fmt.Errorf("%s can't be built: %w", t.title, err)
	}
	path := filepath.Join(t.cache, fmt.Sprintf("%s-%s-%s-%s-%s", t.name, t.version, runtime.GOOS, runtime.GOARCH, fingerprint))
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(t.cache, 0o755); err != nil {
		return "", fmt.Errorf("%s can't be built: %w; %s", t.title, err, insteadOfBuilding)
	}
	lock, err := lockFile(ctx, path+".lock", func() {
		fmt.Fprintf(messages, "waiting for another process that builds %s: minutes, on the first run only\n", t.title)
	})
	if err != nil {
		return "", fmt.Errorf("waiting for %s to be built: %w", t.title, err)
	}
	defer lock.Close()
	if exists(path) {
		return path, nil
	}

	fmt.Fprintf(messages, "building %s into %s: 3 to 5 minutes on 2 cores, on the first run only\n", t.title, t.cache)
	started := time.Now()
	// Whoever has the lock may use this folder: what an interrupted build left in it goes first.
	building := path + ".building"
	if err := os.RemoveAll(building); err != nil {
		return "", fmt.Errorf("%s can't be built: %w", t.title, err)
	}
	defer os.RemoveAll(building)
	built := filepath.Join(building, t.name)
	if err := t.build(ctx, built, lock, messages, started); err != nil {
		return "", err
	}
	if err := os.Rename(built, path); err != nil {
		return "", fmt.Errorf("%s is built, but can't be put in its place: %w", t.title, err)
	}
	fmt.Fprintf(messages, "built %s in %s\n", t.title, time.Since(started).Round(time.Second))
	return path, nil
}

// fingerprint changes with what the module pins.
func (t tool) fingerprint() (string, error) {
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(t.folder, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// build runs go build, and ends it with ctx.
func (t tool) build(ctx context.Context, file string, lock *os.File, messages io.Writer, started time.Time) error {
	goCommand, err := exec.LookPath(t.goCommand)
	if err != nil {
		return fmt.Errorf("%s can't be built: %w; %s", t.title, err, insteadOfBuilding)
	}
	// What the user has set for go is meant for another module, and maybe for another platform.
	environment := process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "GOFLAGS=", "GOWORK=", "GOOS=", "GOARCH=")
	log := &logTail{}
	build, err := process.Start(process.Command{
		Path:        goCommand,
		Arguments:   []string{"build", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w " + t.linker, "-o", file, t.pkg},
		Folder:      t.folder,
		Environment: append(environment, "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH),
		Output:      log,
		Errors:      log,
		// The build has the lock too, so that the next one only begins when nothing of this one runs any more.
		Inherited: []*os.File{lock},
	})
	if err != nil {
		return fmt.Errorf("%s can't be built: %w", t.title, err)
	}
	ticker := time.NewTicker(stillBuildingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-build.Ended():
			if build.Status() != 0 {
				return log.explain(fmt.Errorf("%s can't be built: go build in %s: %s; %s",
					t.title, t.folder, build.Outcome(), insteadOfBuilding))
			}
			return nil
		case <-ctx.Done():
			build.Signal(syscall.SIGKILL)
			if !build.EndsWithin(killTimeout) {
				return fmt.Errorf("building %s: %w, but go build (process %d) is still there %s after SIGKILL",
					t.title, context.Cause(ctx), build.ID(), killTimeout)
			}
			return fmt.Errorf("building %s: %w", t.title, context.Cause(ctx))
		case <-ticker.C:
			fmt.Fprintf(messages, "still building %s: %s so far\n", t.title, time.Since(started).Round(time.Second))
		}
	}
}

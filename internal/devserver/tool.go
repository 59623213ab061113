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
	"strings"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// stillBuildingEvery is how often a person who waits for a build hears that it goes on.
const stillBuildingEvery = 15 * time.Second

// tool is a program that is downloaded from a release, or else built from a module of its own,
// once, into a cache folder.
type tool struct {
	name        string        // of the program's file
	title       string        // what people are told it is
	version     string        // part of the file's name
	released    *archive      // nil: it is not downloaded
	folder      string        // of the module; "" if it can't be built
	unbuilt     error         // why it can't be built, if there is no folder
	pkg         string        // the program's package
	linker      string        // flags for the linker
	cache       string        // folder of the program's file
	goCommand   string        // a path, or a name on the PATH
	reportEvery time.Duration // while it is built
}

// path is the program's file, which is downloaded or built first if it isn't there. If several ask
// at the same time, one of them does it.
func (t tool) path(ctx context.Context, messages io.Writer) (string, error) {
	downloaded := ""
	if t.released != nil {
		downloaded = t.file(t.released.sha256)
	}
	built, unbuilt := t.builtFile()
	if unbuilt != nil && downloaded == "" {
		return "", unbuilt
	}
	if path, found := firstOf(built, downloaded); found {
		return path, nil
	}
	if err := os.MkdirAll(t.cache, 0o755); err != nil {
		return "", fmt.Errorf("%s can't be put into the cache: %w; %s", t.title, err, insteadOfBuilding)
	}
	// One lock for both ways: whoever waits for a download that fails waits for the build as well.
	lock, err := lockFile(ctx, t.prefix()+".lock", func() {
		fmt.Fprintf(messages, "waiting for another process that downloads or builds %s: minutes, on the first run only\n", t.title)
	})
	if err != nil {
		return "", fmt.Errorf("waiting for %s: %w", t.title, err)
	}
	defer lock.Close()
	if path, found := firstOf(built, downloaded); found {
		return path, nil
	}

	if downloaded != "" {
		fmt.Fprintf(messages, "downloading %s from %s, on the first run only\n", t.title, hostOf(t.released.url))
		err := t.released.download(ctx, t.name, downloaded, messages)
		switch {
		case err == nil:
			return downloaded, nil
		case ctx.Err() != nil:
			return "", fmt.Errorf("downloading %s: %w", t.title, context.Cause(ctx))
		}
		reason := strings.ReplaceAll(err.Error(), "\n", "; ")
		if unbuilt != nil {
			fmt.Fprintf(messages, "%s can't be downloaded: %s\n", t.title, reason)
			return "", unbuilt
		}
		fmt.Fprintf(messages, "%s can't be downloaded and is built instead: %s\n", t.title, reason)
	}
	if err := t.build(ctx, built, lock, messages); err != nil {
		return "", err
	}
	return built, nil
}

// file is the program's file in the cache. The digest tells what it was made from.
func (t tool) file(digest string) string { return t.prefix() + "-" + digest[:12] }

func (t tool) prefix() string {
	return filepath.Join(t.cache, strings.Join([]string{t.name, t.version, runtime.GOOS, runtime.GOARCH}, "-"))
}

// builtFile is the file that a build makes. Its name changes with what the module pins.
func (t tool) builtFile() (string, error) {
	if t.folder == "" {
		return "", t.unbuilt
	}
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(t.folder, name))
		if err != nil {
			return "", fmt.Errorf("%s can't be built: %w", t.title, err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	}
	return t.file(hex.EncodeToString(hash.Sum(nil))), nil
}

// firstOf returns the first of the paths at which there is a file. A path can be "".
func firstOf(paths ...string) (string, bool) {
	for _, path := range paths {
		if path != "" && exists(path) {
			return path, true
		}
	}
	return "", false
}

// build makes the file, all of it or nothing, and tells people how long that takes.
func (t tool) build(ctx context.Context, file string, lock *os.File, messages io.Writer) error {
	fmt.Fprintf(messages, "building %s into %s: 3 to 5 minutes on 2 cores, on the first run only\n", t.title, t.cache)
	started := time.Now()
	// An interrupted build may have left this folder. Nobody uses it: this process has the lock.
	building := file + ".building"
	if err := os.RemoveAll(building); err != nil {
		return fmt.Errorf("%s can't be built: %w", t.title, err)
	}
	defer os.RemoveAll(building)
	built := filepath.Join(building, t.name)
	if err := t.runGo(ctx, built, lock, messages, started); err != nil {
		return err
	}
	if err := os.Rename(built, file); err != nil {
		return fmt.Errorf("%s is built, but can't be put in its place: %w", t.title, err)
	}
	fmt.Fprintf(messages, "built %s in %s\n", t.title, time.Since(started).Round(time.Second))
	return nil
}

// runGo runs go build, and ends it when ctx ends.
func (t tool) runGo(ctx context.Context, file string, lock *os.File, messages io.Writer, started time.Time) error {
	goCommand, err := exec.LookPath(t.goCommand)
	if err != nil {
		return fmt.Errorf("%s can't be built: %w; %s", t.title, err, insteadOfBuilding)
	}
	// What the user has set for go is meant for another module, and maybe for another platform.
	environment := process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "GOFLAGS=", "GOWORK=", "GOOS=", "GOARCH=")
	log := &buildLog{}
	build, err := process.Start(process.Command{
		Path: goCommand,
		Arguments: []string{
			"build", "-v", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w " + t.linker, "-o", file, t.pkg,
		},
		Folder:      t.folder,
		Environment: append(environment, "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH),
		Output:      log,
		Errors:      log,
		// The build has the lock too, so that the next one only begins when every process of this one
		// has ended.
		Inherited: []*os.File{lock},
	})
	if err != nil {
		return fmt.Errorf("%s can't be built: %w", t.title, err)
	}
	ticker := time.NewTicker(t.reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-build.Ended():
			if build.Status() != 0 {
				return log.Explain(fmt.Errorf("%s can't be built: go build in %s: %s; %s",
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
			fmt.Fprintf(messages, "still building %s after %s%s\n",
				t.title, time.Since(started).Round(time.Second), log.signOfLife())
		}
	}
}

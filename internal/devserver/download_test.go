//go:build linux || darwin

package devserver

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

const greeting = "#!/bin/sh\necho hello from the release\n"

func TestReleaseIsDownloadedOnce(t *testing.T) {
	t.Parallel()
	content := greeterArchive(t)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(server.Close)
	task := builderTask{
		Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: "no-go",
		URL: server.URL, Checksum: sumOf(content),
	}
	var messages strings.Builder
	path, err := greeter(task).path(t.Context(), &messages)
	require.NoError(t, err)
	require.Equal(t, "downloading the greeter from "+strings.TrimPrefix(server.URL, "http://")+", on the first run only\n"+
		"downloaded 0.0 MB of 0.0 MB\n", messages.String())
	output, err := exec.Command(path).Output()
	require.NoError(t, err)
	require.Equal(t, "hello from the release\n", string(output))
	requireOnlyFile(t, task.Cache, path)

	messages.Reset()
	again, err := greeter(task).path(t.Context(), &messages)
	require.NoError(t, err)
	require.Equal(t, path, again)
	require.Empty(t, messages.String(), "nothing is said of a tool that is in the cache")
	require.Equal(t, int64(1), requests.Load())

	task.Folder = ""
	outside, err := greeter(task).path(t.Context(), t.Output())
	require.NoError(t, err, "a program outside of a clone")
	require.Equal(t, path, outside)

	task.Checksum = strings.Repeat("0", 64)
	_, err = greeter(task).path(t.Context(), &messages)
	require.ErrorIs(t, err, errNotInAClone, "another release has another file, and nothing can be built")
	require.Contains(t, messages.String(), "the greeter can't be downloaded: ")
}

func TestToolIsBuiltIfItsDownloadFails(t *testing.T) {
	t.Parallel()
	good := greeterArchive(t)
	padding := bytes.Repeat([]byte("x"), 64<<10)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	serve := func(content []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }
	}
	for name, test := range map[string]struct {
		answer   http.HandlerFunc
		archive  []byte // whose checksum is expected; nil: a good one
		maxBytes int64  // 0: plenty
		from     string // the host that the message names; "": the server's
		reason   string
	}{
		"another file": {answer: serve([]byte("a proxy's page")), reason: "the file's sha256 is " +
			sumOf([]byte("a proxy's page")) + ", but must be " + sumOf(good)},
		"nothing":          {answer: serve(nil), reason: "the file's sha256 is "},
		"a truncated file": {answer: serve(good[:len(good)/2]), reason: "the file's sha256 is "},
		"a connection that ends early": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:len(good)/2])
		}, reason: "unexpected EOF"},
		"a connection that breaks": {answer: func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, reason: "EOF"},
		"404":                {answer: http.NotFound, reason: "answers with HTTP status 404"},
		"a proxy's refusal":  {answer: status(http.StatusForbidden), reason: "answers with HTTP status 403"},
		"a part of the file": {answer: status(http.StatusPartialContent), reason: "answers with HTTP status 206"},
		"a stall before the header": {answer: func(http.ResponseWriter, *http.Request) {
			<-release
		}, reason: "nothing arrived for 300ms"},
		"a stall in the body": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:len(good)/2])
			_ = http.NewResponseController(w).Flush()
			<-release
		}, reason: "nothing arrived for 300ms"},
		"a redirect to plain http": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere?signature=secret", http.StatusFound)
		}, from: "127.0.0.1:1",
			reason: "a redirect to http:// is not followed, only to https://"},
		"a redirect to nowhere": {answer: status(http.StatusFound), reason: "answers with HTTP status 302"},
		"a file that is too large": {answer: serve(good), maxBytes: 10,
			reason: "the file is larger than 0.0 MB"},
		"no archive": {archive: []byte("a file"), reason: "unexpected EOF"},
		"a truncated archive": {archive: good[:len(good)/2],
			reason: "unexpected EOF"},
		"an empty archive": {archive: archiveOf(t), reason: `does not hold a file "greeter"`},
		"an archive of other files": {archive: archiveOf(t, entry{name: "README.md"}, entry{name: "bin/greeter"}),
			reason: `does not hold a file "greeter"`},
		"paths that climb": {archive: archiveOf(t, entry{name: "../greeter"}, entry{name: "../../greeter"},
			entry{name: "/greeter"}, entry{name: "bin/../greeter"}), reason: `does not hold a file "greeter"`},
		"a link": {archive: archiveOf(t, entry{name: "greeter", kind: tar.TypeSymlink, link: "/bin/sh"}),
			reason: `does not hold a file "greeter"`},
		"a folder": {archive: archiveOf(t, entry{name: "greeter", kind: tar.TypeDir}),
			reason: `does not hold a file "greeter"`},
		"a program that is too large": {archive: archiveOf(t, entry{name: "greeter", content: padding}), maxBytes: 10_000,
			reason: `the file "greeter" in it is larger than 0.0 MB`},
		"an archive that unpacks to more than it may": {
			archive:  archiveOf(t, entry{name: "other", content: bytes.Repeat(padding, 32)}, entry{name: "greeter"}),
			maxBytes: 10_000, reason: "holds more than 0.0 MB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expected, answer := test.archive, test.answer
			if expected == nil {
				expected = good
			}
			if answer == nil {
				answer = serve(expected)
			}
			server := httptest.NewServer(answer)
			t.Cleanup(server.CloseClientConnections)
			address := strings.TrimPrefix(server.URL, "http://")
			around := t.TempDir()
			task := builderTask{
				Folder: greeterModule(t, greeterSource), Cache: filepath.Join(around, "cache"), GoCommand: instantGo(t),
				URL: server.URL + "/greeter.tar.gz", Checksum: sumOf(expected),
			}
			downloading := greeter(task)
			downloading.released.patience = 300 * time.Millisecond
			if test.maxBytes != 0 {
				downloading.released.maxBytes = test.maxBytes
			}
			var messages strings.Builder
			path, err := downloading.path(t.Context(), &messages)
			require.NoError(t, err)
			reason := address + ": "
			switch {
			case test.archive != nil:
				reason = "greeter.tar.gz: "
			case test.from != "":
				reason = test.from + ": "
			}
			require.Regexp(t, `^downloading the greeter from `+regexp.QuoteMeta(address)+`, on the first run only\n`+
				`(downloaded .*\n)*`+
				`the greeter can't be downloaded and is built instead: `+regexp.QuoteMeta(reason+test.reason)+`.*\n`+
				`building the greeter into .*\nbuilt the greeter in .*\n$`, messages.String())
			require.NotContains(t, messages.String(), "secret")
			requireOnlyFile(t, task.Cache, path)
			requireOnlyFile(t, around, task.Cache)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "built\n", string(content))
		})
	}
}

func TestUnreachableReleaseIsBuilt(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	task := builderTask{
		Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: instantGo(t),
		URL: "http://" + closed.Addr().String(), Checksum: sumOf(nil),
	}
	messages := &process.LogTail{}
	path, err := greeter(task).path(t.Context(), messages)
	require.NoError(t, err)
	require.FileExists(t, path)
	require.True(t, messages.Contains(closed.Addr().String()+": dial tcp "+closed.Addr().String()+": "), "%s", messages.String())
}

func TestRedirectToAnotherHostIsFollowed(t *testing.T) {
	t.Parallel()
	content := greeterArchive(t)
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }))
	t.Cleanup(store.Close)
	var hops atomic.Int64
	release := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hops.Add(-1) >= 0 {
			http.Redirect(w, r, "/again", http.StatusFound)
			return
		}
		http.Redirect(w, r, store.URL+"/archive?signature=secret", http.StatusFound)
	}))
	t.Cleanup(release.Close)
	task := builderTask{Cache: t.TempDir(), URL: release.URL, Checksum: sumOf(content)}
	downloading := greeter(task)
	// The certificates of all test servers are the same.
	downloading.released.transport = release.Client().Transport

	hops.Store(maxRedirects)
	messages := &process.LogTail{}
	_, err := downloading.path(t.Context(), messages)
	require.ErrorIs(t, err, errNotInAClone)
	require.True(t, messages.Contains(": more than 5 redirects\n"), "%s", messages.String())
	require.False(t, messages.Contains("secret"))

	hops.Store(maxRedirects - 1)
	path, err := downloading.path(t.Context(), t.Output())
	require.NoError(t, err)
	require.FileExists(t, path)
}

func TestReleaseIsDownloadedOnceByProcessesThatAskAtOnce(t *testing.T) {
	t.Parallel()
	content, goOn := greeterArchive(t), make(chan struct{})
	requests := make(chan struct{}, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests <- struct{}{}
		<-goOn
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	task := builderTask{
		Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: "no-go",
		URL: server.URL, Checksum: sumOf(content),
	}
	first := play(t, roleBuilder, task)
	<-requests
	second := play(t, roleBuilder, task)
	// A process outside of a clone can't build, but shares the lock and the download.
	task.Folder = ""
	third := play(t, roleBuilder, task)
	for _, waiting := range []*actor{second, third} {
		eventually(t, func() bool {
			return waiting.errors.Contains("waiting for another process that downloads or builds the greeter")
		},
			"the other processes say that they wait")
	}
	close(goOn)
	path := first.line(t)
	require.Equal(t, path, second.line(t))
	require.Equal(t, path, third.line(t))
	require.Empty(t, requests, "the first process alone downloads")
}

func TestDownloadOfAKilledProcessIsDoneAgain(t *testing.T) {
	t.Parallel()
	content, killed := greeterArchive(t), make(chan struct{})
	began := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		began <- struct{}{}
		<-killed
		_, _ = w.Write(content[len(content)/2:])
	}))
	t.Cleanup(server.Close)
	task := builderTask{Cache: t.TempDir(), URL: server.URL, Checksum: sumOf(content)}
	first := play(t, roleBuilder, task)
	<-began
	left := filepath.Join(task.Cache, filepath.Base(greeter(task).file(task.Checksum))+".downloading", "archive.tar.gz")
	eventually(t, func() bool { return exists(left) }, "a part of the archive has been written")
	require.NoError(t, first.command.Process.Kill())
	require.Error(t, first.command.Wait())
	close(killed)
	path, err := greeter(task).path(t.Context(), t.Output())
	require.NoError(t, err)
	requireOnlyFile(t, task.Cache, path)
}

func TestDownloadEndsWhenItIsCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		<-released
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(released) })
	task := builderTask{
		Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: "no-go", URL: server.URL, Checksum: sumOf(nil),
	}
	_, err := greeter(task).path(ctx, t.Output())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "downloading the greeter: ")
	requireNothingBuilt(t, task.Cache)
}

// TestSlowButSteadyDownloadGoesOn takes minutes of a clock of its own.
func TestSlowButSteadyDownloadGoesOn(t *testing.T) {
	t.Parallel()
	content := greeterArchive(t)
	synctest.Test(t, func(t *testing.T) {
		steady := releaseAt("https://release.invalid/greeter.tar.gz", sumOf(content))
		steady.transport = slowTransport{content: content, delay: downloadPatience - time.Millisecond}
		file := filepath.Join(t.TempDir(), "greeter")
		var messages strings.Builder
		began := time.Now()
		require.NoError(t, steady.download(t.Context(), "greeter", file, &messages))
		require.Greater(t, time.Since(began), time.Minute)
		require.Greater(t, strings.Count(messages.String(), "\n"), 10, "it says how far it is")
		require.FileExists(t, file)

		steady.transport = slowTransport{content: content, delay: downloadPatience + time.Millisecond}
		began = time.Now()
		err := steady.download(t.Context(), "greeter", file+"2", &messages)
		require.EqualError(t, err, "release.invalid: nothing arrived for 5s")
		require.Less(t, time.Since(began), 2*downloadPatience)
	})
}

// slowTransport answers with the content, a few bytes at a time, each after a delay.
type slowTransport struct {
	content []byte
	delay   time.Duration
}

func (s slowTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	body := &slowBody{ctx: request.Context(), rest: s.content, delay: s.delay}
	return &http.Response{StatusCode: http.StatusOK, ContentLength: int64(len(s.content)), Body: body, Request: request}, nil
}

type slowBody struct {
	ctx   context.Context
	rest  []byte
	delay time.Duration
}

func (s *slowBody) Read(buffer []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(s.delay):
	}
	n := copy(buffer[:min(len(buffer), 8)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (*slowBody) Close() error { return nil }

func TestDownloadGoesThroughTheProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	folder, cache := t.TempDir(), t.TempDir()
	found := play(t, roleFinder, finderTask{"https://release.invalid/cli.tar.gz", sumOf(nil)}, "PATH="+folder, "HOME="+cache,
		"XDG_CACHE_HOME="+cache, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=", "no_proxy=", "TEMPORAL_CLI_DOWNLOAD=on")
	require.Error(t, found.command.Wait(), "there is no go to build the CLI")
	require.Equal(t, "CONNECT release.invalid:443", <-asked)
	require.True(t, found.errors.Contains(
		"the Temporal CLI 1.5.1 can't be downloaded and is built instead: release.invalid: Forbidden\n"), "%s", found.errors.String())
}

func TestCLIDownloadSetting(t *testing.T) {
	t.Parallel()
	for setting, expected := range map[string]bool{"": true, "on": true, "off": false} {
		downloading, err := downloads(setting)
		require.NoError(t, err)
		require.Equal(t, expected, downloading, "%q", setting)
	}
	for _, setting := range []string{"0", "OFF", "no", "of"} {
		_, err := CLI(t.Context(), Options{CLI: "no-such-cli", CLIDownload: setting})
		require.EqualError(t, err, fmt.Sprintf("TEMPORAL_CLI_DOWNLOAD must be on or off, not %q", setting))
	}
}

func TestReleasedCLI(t *testing.T) {
	t.Parallel()
	sums := map[string]bool{}
	for _, system := range []string{"linux", "darwin"} {
		for _, processor := range []string{"amd64", "arm64"} {
			released := releasedCLI(system, processor)
			require.Equal(t, "https://github.com/temporalio/cli/releases/download/v1.5.1/temporal_cli_1.5.1_"+
				system+"_"+processor+".tar.gz", released.url)
			require.Regexp(t, `^[0-9a-f]{64}$`, released.sha256)
			require.Equal(t, 5*time.Second, released.patience)
			sums[released.sha256] = true
		}
	}
	require.Len(t, sums, 4)
	require.Nil(t, releasedCLI("linux", "riscv64"))
	require.Nil(t, releasedCLI("windows", "amd64"))
}

// releaseAt is an archive at the URL, nil if that is "".
func releaseAt(url, checksum string) *archive {
	if url == "" {
		return nil
	}
	return &archive{url: url, sha256: checksum, maxBytes: maxProgramBytes, patience: downloadPatience}
}

// entry is a file of an archive, unless kind says what else it is.
type entry struct {
	name    string
	kind    byte
	link    string
	content []byte
}

// greeterArchive has more files than the program, as a release has.
func greeterArchive(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, entry{name: "LICENSE", content: []byte("free")},
		entry{name: "greeter", content: []byte(greeting)}, entry{name: "README.md"})
}

func archiveOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archived := tar.NewWriter(zipped)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Size: int64(len(e.content)), Mode: 0o644}
		require.NoError(t, archived.WriteHeader(header))
		_, err := archived.Write(e.content)
		require.NoError(t, err)
	}
	require.NoError(t, archived.Close())
	require.NoError(t, zipped.Close())
	return packed.Bytes()
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// instantGo stands in for a go that builds at once.
func instantGo(t *testing.T) string {
	t.Helper()
	return script(t, `while [ "$1" != -o ]; do shift; done; mkdir -p "${2%/*}" && echo built > "$2"`)
}

// requireOnlyFile checks that the folder holds that file, and nothing else except locks.
func requireOnlyFile(t *testing.T, folder, file string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, found := range files {
		if !strings.HasSuffix(found.Name(), ".lock") {
			names = append(names, filepath.Join(folder, found.Name()))
		}
	}
	require.Equal(t, []string{file}, names)
}

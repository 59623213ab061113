package devserver

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"
)

const (
	// downloadPatience is how long a download may bring nothing, before its header or within its body.
	downloadPatience = 5 * time.Second
	// progressEvery is how often a person who waits for a download hears how far it is.
	progressEvery = 2 * time.Second
	// maxRedirects is enough for a release's download, which GitHub redirects once.
	maxRedirects = 5
	// maxProgramBytes is more than twice the size of the program in the pinned release. Its archive
	// is smaller.
	maxProgramBytes = 512 << 20
)

// archive is a release's .tar.gz file, which holds a program.
type archive struct {
	url       string
	sha256    string            // in hexadecimal digits
	maxBytes  int64             // of the file, and of what it holds
	patience  time.Duration     // how long nothing may arrive
	transport http.RoundTripper // nil: http.DefaultTransport, which takes a proxy from the environment
}

// releasedCLI is the pinned release's archive for a system, with the checksum that its publisher
// gives. It returns nil if there is none for that system.
func releasedCLI(system, processor string) *archive {
	var checksum string
	switch system + "/" + processor {
	case "linux/amd64":
		checksum = "ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d"
	case "linux/arm64":
		checksum = "bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5"
	case "darwin/amd64":
		checksum = "bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9"
	case "darwin/arm64":
		checksum = "cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415"
	default:
		return nil
	}
	return &archive{
		url: fmt.Sprintf("https://github.com/temporalio/cli/releases/download/v%s/temporal_cli_%[1]s_%s_%s.tar.gz",
			MinimumCLIVersion, system, processor),
		sha256:   checksum,
		maxBytes: maxProgramBytes,
		patience: downloadPatience,
	}
}

// download puts the archive's program of that name into the file, all of it or nothing, and tells
// people how far it is. The caller holds the lock of the file's folder.
func (a *archive) download(ctx context.Context, name, file string, messages io.Writer) error {
	// An interrupted download may have left this folder.
	folder := file + ".downloading"
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fetched, unpacked := filepath.Join(folder, "archive.tar.gz"), filepath.Join(folder, name)
	if err := a.fetch(ctx, fetched, messages); err != nil {
		return err
	}
	if err := a.unpack(fetched, name, unpacked); err != nil {
		return fmt.Errorf("%s: %w", path.Base(a.url), err)
	}
	return os.Rename(unpacked, file)
}

// fetch downloads the archive into the file and checks its sum. The error fits on one line.
func (a *archive) fetch(ctx context.Context, file string, messages io.Writer) error {
	stalled := fmt.Errorf("nothing arrived for %s", a.patience)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(a.patience, func() { cancel(stalled) })
	defer watchdog.Stop()

	response, err := a.request(ctx, watchdog)
	if err == nil {
		defer response.Body.Close()
		body := &progressReader{
			reader:   response.Body,
			arrived:  func() { watchdog.Reset(a.patience) },
			total:    response.ContentLength,
			reported: time.Now(),
			messages: messages,
		}
		err = a.save(body, file)
	}
	if errors.Is(context.Cause(ctx), stalled) {
		err = stalled
	}
	if err == nil {
		return nil
	}
	// An *url.Error holds the whole address, and what a release redirects to has a signature in it.
	host, reason := hostOf(a.url), err
	var failed *url.Error
	if errors.As(err, &failed) {
		host, reason = hostOf(failed.URL), failed.Err
	}
	return fmt.Errorf("%s: %w", host, reason)
}

// request returns a response with the archive as its body.
func (a *archive) request(ctx context.Context, watchdog *time.Timer) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, err
	}
	// The checksum is the file's. net/http would unpack what comes as Content-Encoding: gzip.
	request.Header.Set("Accept-Encoding", "identity")
	client := http.Client{
		Transport: a.transport,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			watchdog.Reset(a.patience)
			if next.URL.Scheme != "https" {
				return fmt.Errorf("a redirect to %s:// is not followed, only to https://", next.URL.Scheme)
			}
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	response.Body.Close()
	return nil, &url.Error{
		URL: response.Request.URL.String(),
		Err: fmt.Errorf("answers with HTTP status %d", response.StatusCode),
	}
}

// save writes the body to the file. It fails unless the sum of what it wrote is the archive's.
func (a *archive) save(body io.Reader, name string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	written, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(body, a.maxBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if written > a.maxBytes {
		return fmt.Errorf("the file is larger than %s", megabytes(a.maxBytes))
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != a.sha256 {
		return fmt.Errorf("the file's sha256 is %s, but must be %s", sum, a.sha256)
	}
	return nil
}

// unpack writes the program of that name, which must be a file at the archive's top, and nothing
// else of what the archive holds.
func (a *archive) unpack(archiveFile, name, program string) error {
	file, err := os.Open(archiveFile)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	// What comes before the program is unpacked too, if only to be skipped. The archive's own
	// headers need little.
	bounded := &io.LimitedReader{R: unzipped, N: a.maxBytes + 1<<20}
	entries := tar.NewReader(bounded)
	for {
		header, err := entries.Next()
		switch {
		case err != nil && bounded.N <= 0:
			return fmt.Errorf("holds more than %s", megabytes(a.maxBytes))
		case errors.Is(err, io.EOF):
			return fmt.Errorf("does not hold a file %q", name)
		case err != nil:
			return err
		case header.Name != name || header.Typeflag != tar.TypeReg:
			continue
		case header.Size > a.maxBytes:
			return fmt.Errorf("the file %q in it is larger than %s", name, megabytes(a.maxBytes))
		}
		return writeProgram(program, entries)
	}
}

func writeProgram(name string, content io.Reader) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// progressReader tells people how much of a body has arrived.
type progressReader struct {
	reader   io.Reader
	arrived  func() // is called whenever bytes arrive
	total    int64  // -1: unknown
	read     int64
	reported time.Time
	messages io.Writer
}

func (p *progressReader) Read(buffer []byte) (int, error) {
	n, err := p.reader.Read(buffer)
	if n == 0 {
		return n, err
	}
	p.arrived()
	p.read += int64(n)
	if time.Since(p.reported) < progressEvery && p.read != p.total {
		return n, err
	}
	p.reported = time.Now()
	if p.total < 0 {
		fmt.Fprintf(p.messages, "downloaded %s\n", megabytes(p.read))
	} else {
		fmt.Fprintf(p.messages, "downloaded %s of %s\n", megabytes(p.read), megabytes(p.total))
	}
	return n, err
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "the address of the download"
	}
	return parsed.Host
}

// downloads reads what TEMPORAL_CLI_DOWNLOAD says.
func downloads(setting string) (bool, error) {
	switch setting {
	case "", "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("TEMPORAL_CLI_DOWNLOAD must be on or off, not %q", setting)
}

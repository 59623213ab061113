package harness

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
	"github.com/stretchr/testify/require"
)

// chromiumVariable names the variable that says which Chromium the tests of the Web UI run: a path,
// or a name on the PATH. If it is set, that browser must be there. If it is not, these tests need
// "chromium" on the PATH, and are skipped without it.
const chromiumVariable = "E2E_CHROMIUM"

// Browser is a tab of a Chromium that has no window. It serves one goroutine.
type Browser struct {
	tab context.Context // ends when the test's patience does
}

// StartBrowser starts a Chromium with an empty profile. All of its processes end with the test, and
// with this process, however that ends.
func StartBrowser(t *testing.T) Browser {
	t.Helper()
	chromium := StartProcess(t, Command{Path: chromiumPath(t), Arguments: []string{
		"--headless", "--remote-debugging-port=0", "--user-data-dir=" + t.TempDir(), "--no-first-run",
		"--no-sandbox", // root can't have it, and the only pages are the dev server's
		"--disable-gpu", "--disable-dev-shm-usage", "--disable-breakpad",
		// Nothing leaves this machine.
		"--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
	}})
	chromium.WaitForOutput(t, "/devtools/browser/")
	address := devToolsAddress.FindStringSubmatch(chromium.Stderr())
	require.Len(t, address, 2, chromium.Stderr())
	allocator, cancel := remote.NewAllocator(Context(t), address[1], remote.NoModifyURL)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(tab, chromedp.EmulateViewport(1280, 900)))
	return Browser{tab}
}

var devToolsAddress = regexp.MustCompile(`DevTools listening on (ws://\S+)`)

func chromiumPath(t *testing.T) string {
	t.Helper()
	name, required := os.LookupEnv(chromiumVariable)
	if !required {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil && !required {
		t.Skipf("There is no Chromium to see the Web UI with: install it, or set %s to its path (%s).", chromiumVariable, err)
	}
	require.NoError(t, err, "%s must name the program of a Chromium", chromiumVariable)
	return path
}

// Shows opens a page and returns once it shows all that is wanted, whole: the page's text, with
// that of its frames. The page is loaded anew every now and then, since not all of the Web UI's
// pages update themselves.
func (b Browser) Shows(t *testing.T, url string, wanted ...*regexp.Regexp) string {
	t.Helper()
	const reloadInterval = 10 * time.Second
	var last page
	for {
		err := chromedp.Do(b.tab, chromedp.Navigate(url))
		for loaded := time.Now(); time.Since(loaded) < reloadInterval && b.tab.Err() == nil; time.Sleep(100 * time.Millisecond) {
			var now page
			if now, err = chromedp.Run(b.tab, chromedp.Evaluate[page](readPage)); err == nil {
				last = now
			}
			if last.Whole && matchesAll(last.Text, wanted) {
				return last.Text
			}
		}
		if b.tab.Err() != nil {
			require.FailNow(t, "the page does not show what is wanted, or not all of it is in view",
				"%s: wanted: %s\nerror: %v\nall in view: %t\nthe page shows:\n%s", url, wanted, err, last.Whole, last.Text)
		}
	}
}

// Screenshot is what the page shows now, as a PNG.
func (b Browser) Screenshot(t *testing.T) []byte {
	t.Helper()
	png, err := chromedp.Run(b.tab, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	return png
}

// page is what can be read on a page. It is whole if no frame cuts a paragraph off at its lower
// end, which would have to be scrolled to.
type page struct {
	Text  string `json:"text"`
	Whole bool   `json:"whole"`
}

const readPage = `(() => {
	const frames = [...document.querySelectorAll("iframe")];
	const texts = [document, ...frames.map(frame => frame.contentDocument)].map(page => page?.body?.innerText ?? "");
	const whole = frames.every(frame => [...frame.contentDocument?.querySelectorAll("main > *") ?? []].every(part =>
		part.innerText.trim() === "" || part.getBoundingClientRect().bottom <= frame.clientHeight));
	return {text: texts.join("\n"), whole};
})()`

func matchesAll(text string, wanted []*regexp.Regexp) bool {
	for _, each := range wanted {
		if !each.MatchString(text) {
			return false
		}
	}
	return true
}

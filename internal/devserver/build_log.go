package devserver

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// packageLine matches the line that go build -v writes when it begins to compile a package.
var packageLine = regexp.MustCompile(`^[\w./~-]+\n$`)

// buildLog takes the output of go build -v. It counts the packages, and keeps the end of everything
// else: after an error, go goes on with the packages that don't depend on the one that failed.
type buildLog struct {
	process.LogTail

	mutex    sync.Mutex
	packages int
	latest   string // line
	unended  []byte // line
}

func (l *buildLog) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.unended = append(l.unended, data...)
	for {
		end := bytes.IndexByte(l.unended, '\n') + 1
		if end == 0 {
			return len(data), nil
		}
		line := string(l.unended[:end])
		l.unended = l.unended[end:]
		l.latest = strings.TrimSpace(line)
		if packageLine.MatchString(line) {
			l.packages++
		} else if _, err := l.LogTail.Write([]byte(line)); err != nil {
			return 0, err
		}
	}
}

// signOfLife says what the build has done so far, as the end of a message.
func (l *buildLog) signOfLife() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case l.packages > 0:
		return fmt.Sprintf(": %d packages compiled so far, the latest %s", l.packages, l.latest)
	case l.latest != "":
		return ": " + l.latest
	}
	return ""
}

// Explain adds the last lines to err, if there are any.
func (l *buildLog) Explain(err error) error {
	l.mutex.Lock()
	unended := l.unended
	l.unended = nil
	l.mutex.Unlock()
	_, _ = l.LogTail.Write(unended)
	return l.LogTail.Explain(err)
}

package process

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

const (
	// logTailBytes is how much of the output is kept, since a server may write for days.
	logTailBytes = 16 << 10
	// explainedLines is how many lines of it an error shows.
	explainedLines = 15
	// explainedBytes is how much it shows of a line: servers write a stack trace on one.
	explainedBytes = 500
)

// LogTail keeps the end of what a process writes, so that an error can say why the process failed.
// The zero value is ready for use, and its methods are safe for concurrent use.
type LogTail struct {
	mutex sync.Mutex
	kept  []byte
}

// Write never fails, so that the process never waits for its reader.
func (l *LogTail) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.kept = append(l.kept, data...)
	if over := len(l.kept) - logTailBytes; over > 0 {
		l.kept = append(l.kept[:0], l.kept[over:]...)
	}
	return len(data), nil
}

// Contains reports whether the text is in what is kept.
func (l *LogTail) Contains(text string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return bytes.Contains(l.kept, []byte(text))
}

// String is what is kept.
func (l *LogTail) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return string(l.kept)
}

// Explain adds the last lines to err, if there are any.
func (l *LogTail) Explain(err error) error {
	text := strings.TrimSpace(l.String())
	if text == "" {
		return err
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-explainedLines):]
	for i, line := range lines {
		if len(line) > explainedBytes {
			lines[i] = line[:explainedBytes] + " …"
		}
	}
	return fmt.Errorf("%w; its last lines:\n%s", err, strings.Join(lines, "\n"))
}

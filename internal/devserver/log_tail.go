package devserver

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
)

// logTail keeps the end of what a process writes, so that an error can say why the process failed.
type logTail struct {
	mutex sync.Mutex
	kept  []byte
}

// Write never fails, so that the process never waits for its reader.
func (l *logTail) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.kept = append(l.kept, data...)
	if over := len(l.kept) - logTailBytes; over > 0 {
		l.kept = append(l.kept[:0], l.kept[over:]...)
	}
	return len(data), nil
}

func (l *logTail) contains(text string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return bytes.Contains(l.kept, []byte(text))
}

// explain adds the last lines to err, if there are any.
func (l *logTail) explain(err error) error {
	l.mutex.Lock()
	text := strings.TrimSpace(string(l.kept))
	l.mutex.Unlock()
	if text == "" {
		return err
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-explainedLines):]
	return fmt.Errorf("%w; its last lines:\n%s", err, strings.Join(lines, "\n"))
}

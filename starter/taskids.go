package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// taskIDs are the tasks of a command, each once, in the order they were given in, and those that
// were given more than once.
type taskIDs struct {
	ids      []int64
	repeated []int64 // each once
}

var errNoTaskID = errors.New(`no task id: give the ids as arguments, or "-" and one a line on standard input`)

// readTaskIDs takes the ids of the arguments, and for the argument "-" those of standard input, one
// a line. An error names the argument, or the line, that is not a task id; no id is returned with
// it.
func readTaskIDs(arguments []string, stdin io.Reader) (taskIDs, error) {
	var ids []int64
	stdinRead := false
	for _, argument := range arguments {
		if argument != "-" {
			id, err := parseTaskID(argument)
			if err != nil {
				return taskIDs{}, err
			}
			ids = append(ids, id)
			continue
		}
		if stdinRead {
			continue
		}
		stdinRead = true
		lines, err := readTaskIDLines(stdin)
		if err != nil {
			return taskIDs{}, err
		}
		ids = append(ids, lines...)
	}
	switch {
	case len(ids) == 0 && stdinRead:
		return taskIDs{}, errors.New("standard input holds no task id: give one a line")
	case len(ids) == 0:
		return taskIDs{}, errNoTaskID
	}
	return withoutRepeats(ids), nil
}

// parseTaskID takes a positive decimal integer of at most 63 bits, digits only.
func parseTaskID(text string) (int64, error) {
	notADigit := func(r rune) bool { return r < '0' || r > '9' }
	if text == "" || strings.ContainsFunc(text, notADigit) {
		return 0, fmt.Errorf("%s is not a task id: a task id is a positive integer such as 74372499131", quote(text))
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a task id: it is larger than any (9223372036854775807)", quote(text))
	}
	if id == 0 {
		return 0, fmt.Errorf("%s is not a task id: task ids begin at 1", quote(text))
	}
	return id, nil
}

// readTaskIDLines reads one id a line, with or without white space around it, and skips blank
// lines.
func readTaskIDLines(stdin io.Reader) ([]int64, error) {
	var ids []int64
	lines := bufio.NewScanner(stdin)
	number := 0
	for lines.Scan() {
		number++
		text := lines.Text()
		if number == 1 {
			text = strings.TrimPrefix(text, "\uFEFF") // some programs begin their output with a byte order mark
		}
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		id, err := parseTaskID(text)
		if err != nil {
			return nil, fmt.Errorf("standard input, line %d: %w", number, err)
		}
		ids = append(ids, id)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("standard input, line %d: it is far too long for a task id", number+1)
	case err != nil:
		return nil, fmt.Errorf("standard input can't be read: %w", err)
	}
	return ids, nil
}

func withoutRepeats(ids []int64) taskIDs {
	var result taskIDs
	times := make(map[int64]int, len(ids))
	for _, id := range ids {
		times[id]++
		switch times[id] {
		case 1:
			result.ids = append(result.ids, id)
		case 2:
			result.repeated = append(result.repeated, id)
		}
	}
	return result
}

// quote shows text in one short line, whatever it holds.
func quote(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return strconv.Quote(string(runes[:most])) + "…"
	}
	return strconv.Quote(text)
}

// list writes ids as one would type them, the first few of many.
func list(ids []int64, most int) string {
	var texts []string
	for _, id := range ids[:min(len(ids), most)] {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	if more := len(ids) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, " ")
}

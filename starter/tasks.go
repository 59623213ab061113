package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

// maxTaskText is in bytes, white space included. It is above what SolveTask takes, so that the
// message names that limit.
const maxTaskText = 2_000_000

// newTask is a task to submit.
type newTask struct {
	json json.RawMessage
	line int // of standard input; 0: the task was not given there
}

// id is the task's own, of the id that the command has.
func (t newTask) id(ofCommand string) string {
	if t.line == 0 {
		return ofCommand
	}
	return fmt.Sprintf("%s-%d", ofCommand, t.line)
}

// explain says where the task that err is about was given.
func (t newTask) explain(err error) error {
	if t.line == 0 {
		return err
	}
	return fmt.Errorf("standard input, line %d: %w", t.line, err)
}

// readTasks reads the tasks that the argument stands for: a JSON text, @ and the name of a file, or
// "-". Its errors show nothing of a task, which can hold secrets.
func readTasks(argument string, stdin io.Reader) ([]newTask, error) {
	name, isFile := strings.CutPrefix(argument, "@")
	switch {
	case argument == "-":
		return readTaskLines(stdin)
	case isFile:
		text, err := readTaskFile(name)
		if err != nil {
			return nil, err
		}
		task := newTask{json: text}
		return []newTask{task}, checkForm(task, "the file")
	}
	task := newTask{json: trimTask([]byte(argument))}
	return []newTask{task}, checkForm(task, "TASK")
}

func readTaskFile(name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("@ is not a task: it takes the name of a file, as in @task.json")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the task's file can't be read: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxTaskText))
	if err != nil {
		return nil, fmt.Errorf("the task's file can't be read: %w", err)
	}
	return trimTask(text), nil
}

// readTaskLines reads one task a line, and skips blank lines.
func readTaskLines(stdin io.Reader) ([]newTask, error) {
	var tasks []newTask
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, maxTaskText)
	number := 0
	for lines.Scan() {
		number++
		task := newTask{json: bytes.Clone(trimTask(lines.Bytes())), line: number}
		if len(task.json) == 0 {
			continue
		}
		if err := checkForm(task, "the line"); err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, newTask{line: number + 1}.explain(fmt.Errorf("the line is too long for a task: "+
			"a task has at most %d bytes; make its images smaller, for example", activities.MaxTaskBytes))
	case err != nil:
		return nil, fmt.Errorf("standard input can't be read: %w", err)
	case len(tasks) == 0:
		return nil, errors.New("standard input holds no task: give one a line, as JSON")
	}
	return tasks, nil
}

// trimTask takes off what stands around the JSON. Some programs begin their output with a byte
// order mark.
func trimTask(text []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF")))
}

// checkForm tells what is likely to be meant by a text that is not a task at all. SolveTask says
// what else can be wrong.
func checkForm(task newTask, what string) error {
	if bytes.HasPrefix(task.json, []byte("{")) {
		return nil
	}
	const example = `{"type": "TextCaptchaTask", "comment": "2+2?"}`
	text := fmt.Sprintf("%s is not a task, a JSON object such as %s", what, example)
	if task.line == 0 && what == "TASK" {
		text += `; for a file, give @ and its name; for standard input, "-"`
	}
	return task.explain(errors.New(text))
}

// unlessDone returns what read returns, or the zero value and what ended ctx if that comes first:
// nobody may be typing on standard input.
func unlessDone[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// readSecretFile returns the content of a file of at most maxSecret bytes, without the line ends
// after it: the same secret may reach one process by a variable and another by a file, and files
// end with a line end. takes is what belongs into the file, for errors. An error continues a
// sentence that begins with the file, and shows neither content nor path: the path may be the
// secret, given in the wrong variable.
func readSecretFile(path string, maxSecret int64, takes string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() { // a pipe would block, and be empty when it is read again
		return "", errors.New("is not a regular file: it takes " + takes)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	secret := withoutLineEnds(string(content))
	switch {
	case secret == "":
		return "", errors.New("is empty: it takes " + takes)
	case int64(len(content)) > maxSecret:
		return "", fmt.Errorf("is over %d bytes long: it takes %s and nothing else", maxSecret, takes)
	}
	return secret, nil
}

func withoutLineEnds(text string) string { return strings.TrimRight(text, "\r\n") }

func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

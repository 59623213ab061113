// Command schemas writes the JSON Schemas of what callers and the provider say to each other into
// the folder schemas/, from the Go types and their comments. Run it in its own folder:
//
//	go run .
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// repository is the module's root, seen from this folder.
const repository = "../.."

func main() {
	if err := write(filepath.Join(repository, "schemas")); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

// write replaces the schemas in a folder.
func write(folder string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	before, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range before {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the content of each schema by its file's name.
func generate() (map[string][]byte, error) {
	source, err := readSource(repository)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, each := range documents {
		content, err := json.MarshalIndent(each.schema(source), "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", each.name, err)
		}
		text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(content))
		files[each.name+".json"] = []byte(text + "\n")
	}
	return files, nil
}

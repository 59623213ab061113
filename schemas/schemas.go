// Package schemas holds the JSON Schemas of what the provider's workflows and activities take and
// return, for callers in any language. They are made from the Go types:
//
//	cd tools/schemas && go run .
//
// The file of a workflow's or an activity's input is <name>.input.json, that of its output
// <name>.output.json. The others are status.json, the answer to the query "status",
// taskCallback.json, the payload of that signal, and errorDetails.json, the details of errors.
//
// Schemas of inputs are closed: another property is refused. The others are open, so that a later
// version can add a property. Each has a stable $id, which is a name and need not be fetched, and a
// title. A schema can't say everything: the provider also checks the bounds of durations, for
// example.
package schemas

import (
	"embed"
	"io/fs"
)

//go:embed *.json
var files embed.FS

// Files returns the schemas, each a file in the root.
func Files() fs.FS { return files }

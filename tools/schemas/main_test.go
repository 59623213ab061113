package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSchemasAreCurrent(t *testing.T) {
	t.Parallel()
	files, err := generate()
	require.NoError(t, err)
	folder := filepath.Join(repository, "schemas")
	for name, content := range files {
		written, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, string(content), string(written), "schemas/%s is not current: cd tools/schemas && go run .", name)
	}
	written, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.Len(t, written, len(files), "a schema is of nothing: cd tools/schemas && go run .")
}

func TestEveryNameHasItsSchemas(t *testing.T) {
	t.Parallel()
	var names []string
	for _, each := range documents {
		names = append(names, each.name)
	}
	takeNothing := []string{workflows.CheckAccountWorkflow, activities.GetBalanceActivity}
	for _, name := range []string{
		workflows.AwaitTaskResultWorkflow, workflows.SolveTaskWorkflow, workflows.CheckAccountWorkflow, workflows.ReportTaskWorkflow,
		activities.GetTaskResultActivity, activities.CreateTaskActivity, activities.GetBalanceActivity,
		activities.ReportCorrectActivity, activities.ReportIncorrectActivity,
	} {
		require.Contains(t, names, name+".output")
		require.Equal(t, !slices.Contains(takeNothing, name), slices.Contains(names, name+".input"), name)
	}
	require.Subset(t, names, []string{workflows.StatusQuery, workflows.TaskCallbackSignal, "errorDetails"})
}

// goName matches what is a name in Go, and is not one in JSON, of a type of errors, or of a
// workflow.
var goName = regexp.MustCompile(`\b[A-Z][a-z]+[A-Z]\w*\b`)

func TestSchemasReadWellWithoutGo(t *testing.T) {
	t.Parallel()
	files, err := generate()
	require.NoError(t, err)
	known := []string{workflows.SolveTaskWorkflow, activities.ErrorTypeCreateTaskOutcomeUnknown, "ApplicationError"}
	for name, content := range files {
		var schema map[string]any
		require.NoError(t, json.Unmarshal(content, &schema), name)
		title, _ := schema["title"].(string)
		require.NotEmpty(t, title, name)
		require.Equal(t, base+name, schema["$id"])
		isInput := strings.HasSuffix(name, ".input.json")
		require.Equal(t, isInput, schema["additionalProperties"] == false, "%s: inputs are closed, all else is open", name)
		var descriptions []string
		collectDescriptions(t, name, schema, &descriptions)
		for _, description := range descriptions {
			for _, found := range goName.FindAllString(description, -1) {
				require.Contains(t, append(known, title), found, "%s: %s", name, description)
			}
			require.NotContains(t, description, "[", "%s: %s", name, description)
			require.NotRegexp(t, `\bnil\b|\bGo\b`, description, name)
		}
	}
}

// collectDescriptions requires that every property has one.
func collectDescriptions(t *testing.T, place string, schema map[string]any, into *[]string) {
	if description, ok := schema["description"].(string); ok {
		*into = append(*into, strings.ReplaceAll(description, `"[client key]"`, ""))
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		property := property.(map[string]any)
		require.NotEmpty(t, property["description"], "%s: %s has no comment", place, name)
		collectDescriptions(t, place, property, into)
	}
	alternatives, _ := schema["anyOf"].([]any)
	for _, each := range alternatives {
		collectDescriptions(t, place, each.(map[string]any), into)
	}
}

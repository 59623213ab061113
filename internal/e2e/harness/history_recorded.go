package harness

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// recordVariable names the variable that has the tests record the histories they compare.
	recordVariable = "E2E_RECORD_HISTORIES"

	howToRecord = recordVariable + "=1 go test ./internal/e2e -run TestHistory"
)

// Each path has its shape on record, and a whole history for each version of the project, which the
// replay test of package workflows replays. Histories of former versions stay: workflows that began
// with these go on with this one. Both files' names are relative to internal/e2e, the folder of the
// tests that compare.
func shapeFile(path string) string { return filepath.Join("testdata", "shapes", path+".txt") }

func historyFile(path string) string {
	return filepath.Join("..", "..", "workflows", "testdata", "histories", twocaptcha.Version, path+".json")
}

// RecordsHistories tells that the histories are recorded rather than compared.
func RecordsHistories() bool { return os.Getenv(recordVariable) != "" }

// RequireRecorded compares a history with those on record, or records it.
func RequireRecorded(t *testing.T, path string, history *historypb.History) {
	t.Helper()
	got := Shape(history)
	if RecordsHistories() {
		require.False(t, Disturbed(history),
			"a worker was too slow for a history that is worth recording: try again on an idle machine")
		write(t, shapeFile(path), []byte(got))
		write(t, historyFile(path), scrubbedJSON(t, history))
		return
	}

	want, err := os.ReadFile(shapeFile(path))
	require.NoError(t, err, "no shape is on record. Record it: %s", howToRecord)
	require.Equal(t, string(want), got, `The history of the path %q is not the one on record.

If an event that a command makes is added, removed, moved or of another type, waits that are running now, under the former code,
fail when a worker with this one replays them: make the change depend on workflow.GetVersion, so that they go on as they began.
(https://docs.temporal.io/develop/go/versioning) If there are more events, every wait costs more, in history and in billed actions.

If that is meant: %s
and look at the difference before it is committed; CHANGELOG.md tells users of it.`, path, howToRecord)

	file, err := os.Open(historyFile(path))
	require.NoError(t, err, "no history of version %s is on record. Record it: %s", twocaptcha.Version, howToRecord)
	defer file.Close()
	recorded, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	require.Equal(t, string(want), Shape(recorded),
		"%s is not the history that %s was recorded with. Record both: %s", historyFile(path), shapeFile(path), howToRecord)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, 0o644))
}

// scrubbedJSON is a history as the replayer reads it, without the names of the machine that made
// it.
func scrubbedJSON(t *testing.T, history *historypb.History) []byte {
	t.Helper()
	text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value))
	scrub(value)
	var scrubbed bytes.Buffer
	encoder := json.NewEncoder(&scrubbed)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(value))

	host, err := os.Hostname()
	require.NoError(t, err)
	folder, err := os.Getwd()
	require.NoError(t, err)
	for _, private := range []string{"@" + host, folder, os.TempDir(), ClientKey} {
		require.NotContains(t, scrubbed.String(), private)
	}
	return scrubbed.Bytes()
}

// scrub replaces identities, which hold the host's name, the names of sticky task queues, which
// begin with it, and where a Nexus caller is called back, which is an address of the machine with a
// token.
func scrub(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			scrub(element)
		}
	case map[string]any:
		for name, element := range value {
			if _, isText := element.(string); isText && name == "identity" {
				value[name] = "identity"
			}
			scrub(element)
		}
		if callback, isNexus := value["nexus"].(map[string]any); isNexus {
			callback["url"], callback["header"] = "https://callback.example", map[string]any{}
		}
		if value["kind"] == "TASK_QUEUE_KIND_STICKY" {
			value["name"] = "sticky"
		}
	}
}

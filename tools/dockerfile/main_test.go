package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFaultsAreFound(t *testing.T) {
	for name, test := range map[string]struct{ content, finding string }{
		"a key in the image":           {"FROM scratch\nENV TWOCAPTCHA_API_KEY=1\n", "SecretsUsedInArgOrEnv"},
		"signals that don't arrive":    {"FROM scratch\nENTRYPOINT worker\n", "JSONArgsRecommended"},
		"an instruction that is wrong": {"FROM scratch\nENTRYPIONT [\"/worker\"]\n", "unknown instruction"},
		"an undefined variable":        {"FROM scratch\nLABEL a=$COMIT\n", "UndefinedVar"},
		"a stage that is missing":      {"FROM scratch\nCOPY --from=0 /worker /worker\n", "circular dependency"},
		"nothing is wrong":             {"FROM scratch\nARG COMMIT\nLABEL a=$COMMIT\nENTRYPOINT [\"/worker\"]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Dockerfile")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), []string{file}, &stdout, &stderr)
			if (status != 0) != (test.finding != "") || !strings.Contains(stdout.String(), test.finding) {
				t.Errorf("exit status %d, want %q in:\n%s%s", status, test.finding, stdout.String(), stderr.String())
			}
		})
	}
}

package callback_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

func TestPrintedOptionsShowNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "twelve-monkeys-in-a-tree"
	options := callback.Options{Temporal: &fakeTemporal{}, Secret: secret, DomainToken: "a-public-token", Logger: slog.Default()}
	for name, value := range map[string]any{
		"value":       options,
		"pointer":     &options,
		"in a struct": struct{ Options callback.Options }{options},
		"in a slice":  []*callback.Options{&options},
		"in a map":    map[string]callback.Options{"one": options},
	} {
		texts := map[string]string{}
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts[format] = fmt.Sprintf(format, value)
		}
		var text, lines bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("text", "options", value)
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("JSON", "options", value)
		texts["slog as text"], texts["slog as JSON"] = text.String(), lines.String()
		marshaled, err := json.Marshal(value)
		require.NoError(t, err)
		texts["JSON"] = string(marshaled)
		for how, text := range texts {
			require.NotContains(t, text, secret, "%s with %s", name, how)
			require.NotContains(t, text, fmt.Sprintf("%x", secret), "%s with %s", name, how)
		}
		require.Contains(t, texts["JSON"], `"Secret":"[redacted]","DomainToken":"a-public-token"`, name)
	}
	require.Contains(t, fmt.Sprintf("%#v", options), "callback.Options{")
	require.Contains(t, fmt.Sprintf("%+v", options), "Secret:[redacted] DomainToken:a-public-token")
	require.NotContains(t, fmt.Sprintf("%+v", callback.Options{}), "redacted", "an option that is missing is seen")
}

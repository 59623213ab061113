package twocaptcha_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestPrintedOptionsShowNoSecret(t *testing.T) {
	t.Parallel()
	options := twocaptcha.Options{
		ClientKey: clientKey, ClientKeyFile: clientKey, URL: "https://user:" + clientKey + "@host/", Timeout: time.Second,
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return next },
	}
	for name, value := range map[string]any{
		"value":                  options,
		"pointer":                &options,
		"in a struct":            struct{ Options twocaptcha.Options }{options},
		"in a struct, a pointer": struct{ Options *twocaptcha.Options }{&options},
		"in a slice":             []twocaptcha.Options{options},
		"in a map":               map[string]any{"options": options},
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
			require.NotContains(t, text, clientKey, "%s with %s", name, how)
			require.NotContains(t, text, fmt.Sprintf("%x", clientKey), "%s with %s", name, how)
			if how != "%x" {
				require.Contains(t, text, "[redacted]", "%s with %s", name, how)
			}
		}
	}
}

func TestPrintedOptionsShowWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	options := twocaptcha.Options{ClientKeyFile: "/run/secrets/2captcha", URL: "https://api.2captcha.com", Timeout: time.Second}
	require.Equal(t, options, options.Redacted())
	require.Equal(t, `{ /run/secrets/2captcha https://api.2captcha.com 1s <nil> <nil> <nil>}`, fmt.Sprint(options))
	require.Contains(t, fmt.Sprintf("%#v", options), `twocaptcha.Options{ClientKey:"", ClientKeyFile:"/run/secrets/2captcha",`)

	marshaled, err := json.Marshal(options)
	require.NoError(t, err)
	require.JSONEq(t, `{"ClientKey":"","ClientKeyFile":"/run/secrets/2captcha","URL":"https://api.2captcha.com","Timeout":1000000000}`,
		string(marshaled))
	var properties map[string]any
	require.NoError(t, json.Unmarshal(marshaled, &properties))
	logged := map[string]bool{}
	for _, attribute := range options.LogValue().Group() {
		logged[attribute.Key] = true
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[twocaptcha.Options]()) {
		if field.Type.Kind() != reflect.Func {
			require.Contains(t, properties, field.Name, "the JSON has every field")
			require.Contains(t, logged, field.Name, "the log has every field")
		}
	}
}

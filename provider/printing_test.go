package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

func TestPrintedConfigShowsNoSecret(t *testing.T) {
	t.Parallel()
	config := provider.Config{
		ClientKey: clientKey, ClientKeyFile: clientKey, APIURL: "https://user:" + clientKey + "@host/",
		WrapTransport:  func(next http.RoundTripper) http.RoundTripper { return next },
		CallbackURL:    "https://user:" + clientKey + "@host/",
		CallbackSecret: clientKey,
	}
	for name, value := range map[string]any{
		"value":       config,
		"pointer":     &config,
		"in a struct": struct{ Config provider.Config }{config},
		"in a slice":  []*provider.Config{&config},
	} {
		texts := map[string]string{}
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			texts[format] = fmt.Sprintf(format, value)
		}
		var text, lines bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("text", "config", value)
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("JSON", "config", value)
		texts["slog as text"], texts["slog as JSON"] = text.String(), lines.String()
		marshaled, err := json.Marshal(value)
		require.NoError(t, err)
		texts["JSON"] = string(marshaled)
		for how, text := range texts {
			require.NotContains(t, text, clientKey, "%s with %s", name, how)
			require.Contains(t, text, "[redacted]", "%s with %s", name, how)
		}
	}
}

func TestPrintedConfigShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	config := provider.Config{
		ClientKeyFile: "/run/secrets/2captcha", APIURL: "https://api.2captcha.com", CallbackURL: "https://example.com/2captcha",
	}
	require.Equal(t, `{ /run/secrets/2captcha https://api.2captcha.com <nil> https://example.com/2captcha   <nil> false <nil>}`, fmt.Sprint(config))
	require.Contains(t, fmt.Sprintf("%#v", config), `provider.Config{ClientKey:"", ClientKeyFile:"/run/secrets/2captcha",`)
	marshaled, err := json.Marshal(config)
	require.NoError(t, err)
	require.JSONEq(t, `{"ClientKey":"","ClientKeyFile":"/run/secrets/2captcha","APIURL":"https://api.2captcha.com",
		"CallbackURL":"https://example.com/2captcha","CallbackSecret":"","MinBalance":"","DisableNexus":false}`, string(marshaled))
	var properties map[string]any
	require.NoError(t, json.Unmarshal(marshaled, &properties))
	logged := map[string]bool{}
	for _, attribute := range config.LogValue().Group() {
		logged[attribute.Key] = true
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[provider.Config]()) {
		if field.Type.Kind() != reflect.Func {
			require.Contains(t, properties, field.Name, "the JSON has every field")
			require.Contains(t, logged, field.Name, "the log has every field")
		}
	}
}

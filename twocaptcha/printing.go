package twocaptcha

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// Redacted returns the options with "[redacted]" in place of the client key and of what may hold a
// secret by mistake: a ClientKeyFile without a folder, which may be the key, and a URL that
// [NewClient] refuses, which may hold a password. Options are printed, logged and marshaled like
// this.
func (o Options) Redacted() Options {
	const redacted = "[redacted]"
	if o.ClientKey != "" {
		o.ClientKey = redacted
	}
	if o.ClientKeyFile != "" && filepath.Base(o.ClientKeyFile) == o.ClientKeyFile {
		o.ClientKeyFile = redacted
	}
	if CheckURL(o.URL) != nil {
		o.URL = redacted
	}
	return o
}

// optionFields are Options without methods.
type optionFields Options

// Format implements [fmt.Formatter]: it prints the options [Options.Redacted].
func (o Options) Format(state fmt.State, verb rune) {
	type Options optionFields // so that %#v shows the type's name
	_, _ = fmt.Fprintf(state, fmt.FormatString(state, verb), Options(o.Redacted()))
}

// LogValue implements [slog.LogValuer]: it logs the options [Options.Redacted].
func (o Options) LogValue() slog.Value {
	shown := o.Redacted()
	return slog.GroupValue(slog.String("ClientKey", shown.ClientKey), slog.String("ClientKeyFile", shown.ClientKeyFile),
		slog.String("URL", shown.URL), slog.Duration("Timeout", shown.Timeout))
}

// MarshalJSON implements [json.Marshaler]: it writes the options [Options.Redacted], for logs.
func (o Options) MarshalJSON() ([]byte, error) {
	shown := o.Redacted()
	return json.Marshal(struct {
		ClientKey, ClientKeyFile, URL string
		Timeout                       time.Duration
	}{shown.ClientKey, shown.ClientKeyFile, shown.URL, shown.Timeout})
}

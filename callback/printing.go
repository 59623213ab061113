package callback

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// redacted returns the options as they are printed, logged and marshaled.
func (o Options) redacted() Options {
	if o.Secret != "" {
		o.Secret = "[redacted]"
	}
	return o
}

// optionFields are Options without methods.
type optionFields Options

// Format implements [fmt.Formatter]: it prints "[redacted]" in place of the secret.
func (o Options) Format(state fmt.State, verb rune) {
	type Options optionFields // so that %#v shows the type's name
	_, _ = fmt.Fprintf(state, fmt.FormatString(state, verb), Options(o.redacted()))
}

// LogValue implements [slog.LogValuer]: it logs "[redacted]" in place of the secret.
func (o Options) LogValue() slog.Value {
	shown := o.redacted()
	return slog.GroupValue(slog.String("Secret", shown.Secret), slog.String("DomainToken", shown.DomainToken))
}

// MarshalJSON implements [json.Marshaler]: it writes "[redacted]" in place of the secret.
func (o Options) MarshalJSON() ([]byte, error) {
	shown := o.redacted()
	return json.Marshal(struct{ Secret, DomainToken string }{shown.Secret, shown.DomainToken})
}

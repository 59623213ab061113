package command

import (
	"io"
	"log/slog"

	commonpb "go.temporal.io/api/common/v1"
)

// NewLogger returns the logger of a worker, the SDK's lines included: it writes lines of this level
// and above as text or, if format is "json", as JSON, and never what Temporal stores. The SDK logs
// the result of an activity that ends after its time, which is a solution.
func NewLogger(to io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutPayloads}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

func withoutPayloads(_ []string, attribute slog.Attr) slog.Attr {
	switch attribute.Value.Any().(type) {
	case *commonpb.Payload, *commonpb.Payloads:
		return slog.Attr{}
	}
	if attribute.Key == "Result" { // of the SDK
		return slog.Attr{}
	}
	return attribute
}

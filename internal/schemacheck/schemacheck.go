// Package schemacheck holds what was really sent and received against the JSON Schemas, for tests.
package schemacheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/temporal-providers/temporal-2captcha/schemas"
)

// Schemas are all schemas, compiled. They are safe for concurrent use.
type Schemas struct {
	byName map[string]*jsonschema.Schema
}

// Load compiles the schemas.
func Load() (*Schemas, error) {
	names, err := fs.Glob(schemas.Files(), "*.json")
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	s := &Schemas{byName: map[string]*jsonschema.Schema{}}
	for _, name := range names {
		content, err := fs.ReadFile(schemas.Files(), name)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := compiler.AddResource(name, document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if s.byName[strings.TrimSuffix(name, ".json")], err = compiler.Compile(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// Has tells whether there is such a schema.
func (s *Schemas) Has(name string) bool { return s.byName[name] != nil }

// Check returns what a schema has against a JSON value, or nil. A text that is not one JSON value
// is refused too.
func (s *Schemas) Check(name string, data []byte) error {
	schema := s.byName[name]
	if schema == nil {
		return fmt.Errorf("there is no schema %s", name)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: not JSON: %w", name, err)
	}
	return schema.Validate(value)
}

// IsBeyond tells whether the provider may refuse a value with this message though the value is what
// its schema allows, since no schema can say that.
func IsBeyond(message string, data []byte) bool {
	for _, part := range []string{
		"is given twice",
		"it takes a duration from",     // also of what is out of bounds by another duration
		"counts nanoseconds in Go",     // a duration below a millisecond
		"there is more than one input", // of which each is valid
		"bytes",                        // how large a task or a text is
		`and the workflow's id "`,      // which an id must match
	} {
		if strings.Contains(message, part) {
			return true
		}
	}
	return !utf8.Valid(data) || strings.Contains(message, "integer") && hasOddInteger(data) ||
		strings.Contains(message, "it takes a duration with a unit") && hugeNumber.Match(data) // beyond what Go can count
}

var hugeNumber = regexp.MustCompile(`[0-9]{6}`)

// WithoutNothing returns an input without what the decoders let pass since it means nothing, and
// the schemas don't mention: null where a previous run's progress would be, and a zero with a minus
// sign.
func WithoutNothing(data []byte) []byte {
	var properties map[string]json.RawMessage
	if json.Unmarshal(data, &properties) != nil || properties == nil {
		return data
	}
	for name, value := range properties {
		var text string
		_ = json.Unmarshal(value, &text)
		duration, err := time.ParseDuration(text)
		isZero := strings.HasPrefix(text, "-") && err == nil && duration == 0
		if name == "continued" && string(value) == "null" || isZero {
			delete(properties, name)
		}
	}
	changed, err := json.Marshal(properties)
	if err != nil {
		return data
	}
	return changed
}

// hasOddInteger tells whether there is an integer that is spelled as no integer of Go: to a schema
// 1.0 and 1e3 are integers too.
func hasOddInteger(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if number, ok := token.(json.Number); ok && strings.ContainsAny(number.String(), ".eE") {
			return true
		}
	}
}

package twocaptcha

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// maxShort is in bytes. No cost and no address is longer.
const maxShort = 100

// object holds a JSON object's properties by their exact names, without those that are null.
type object map[string]json.RawMessage

// decodeObject reads a body that is one JSON value, with or without a byte order mark. A value that
// is not an object has no properties: nil.
func decodeObject(body []byte) (object, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if !bytes.HasPrefix(body, []byte("{")) {
		var value json.RawMessage
		return nil, json.Unmarshal(body, &value)
	}
	var properties object
	if err := json.Unmarshal(body, &properties); err != nil {
		return nil, err
	}
	for name, value := range properties {
		if string(value) == "null" {
			delete(properties, name)
		}
	}
	return properties, nil
}

// text returns a property as text: a string's value, or the JSON of any other value; "" if it is
// missing.
func (o object) text(name string) string {
	if o[name] == nil {
		return ""
	}
	var text string
	if json.Unmarshal(o[name], &text) == nil {
		return text
	}
	return string(o[name])
}

// code returns the errorCode: a string, or the text of a number other than 0. Nothing else is a
// code.
func (o object) code() string {
	switch value := o["errorCode"]; {
	case len(value) == 0, value[0] != '"' && !isNumber(value), string(value) == "0":
		return ""
	}
	return o.text("errorCode")
}

// integer reads an integer, or one in a string; 0 if it is missing. usable is false for anything
// else.
func (o object) integer(name string) (value int64, usable bool) {
	text := strings.TrimSpace(o.text(name))
	if text == "" {
		return 0, true
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false
	}
	return value, true
}

func (o object) optionalInteger(name string) *int64 {
	value, usable := o.integer(name)
	if !usable || strings.TrimSpace(o.text(name)) == "" {
		return nil
	}
	return &value
}

// short reads a string, or a number as it is written: through a float, 0.1 would not stay 0.1. A
// value that is longer than any cost or address is left out: if it were cut, it would be another
// value.
func (o object) short(name, key string) string {
	value := o[name]
	if len(value) == 0 || value[0] != '"' && !isNumber(value) {
		return ""
	}
	text := o.text(name)
	if len(key) < minKeyInSolution || isNumber(value) {
		key = ""
	}
	if len(text) > maxShort {
		return ""
	}
	return clean(text, key)
}

func isNumber(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

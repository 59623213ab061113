package twocaptcha

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// maxShort is in bytes. No cost and no address is longer.
const maxShort = 100

// object holds a JSON object's properties by their exact names, without those that are null.
type object map[string]json.RawMessage

// decodeObject reads a body that is one JSON value, with or without a byte order mark. A value that
// is not an object has no properties: nil. If more bytes follow a whole object, it returns the
// object's properties with the error.
func decodeObject(body []byte) (object, error) {
	if !beginsObject(body) {
		var value json.RawMessage
		return nil, json.Unmarshal(withoutMark(body), &value)
	}
	var properties object
	err := json.Unmarshal(withoutMark(body), &properties)
	if err != nil {
		properties = nil // of a broken object, Unmarshal may have set some
		if json.NewDecoder(bytes.NewReader(withoutMark(body))).Decode(&properties) != nil {
			return nil, err
		}
	}
	for name, value := range properties {
		if string(value) == "null" {
			delete(properties, name)
		}
	}
	return properties, err
}

// beginsObject tells whether a body begins as a JSON object does.
func beginsObject(body []byte) bool { return bytes.HasPrefix(withoutMark(body), []byte("{")) }

// withoutMark returns a body without its byte order mark and the white space around it.
func withoutMark(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\uFEFF")))
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

// code returns the errorCode: a string, or the text of a number. It is "" if there is none, and for
// what servers send in its place when all is well: a zero, SUCCESS, NO_ERROR.
func (o object) code() string {
	if value := o["errorCode"]; len(value) == 0 || value[0] != '"' && !isNumber(value) {
		return ""
	}
	code := strings.TrimSpace(o.text("errorCode"))
	if number, isInteger := parseInteger(code); isInteger && number == 0 {
		return ""
	}
	if strings.EqualFold(code, "SUCCESS") || strings.EqualFold(code, "NO_ERROR") {
		return ""
	}
	return code
}

// integer reads an integer, or one in a string; 0 if it is missing. usable is false for anything
// else.
func (o object) integer(name string) (value int64, usable bool) {
	text := strings.TrimSpace(o.text(name))
	if text == "" {
		return 0, true
	}
	return parseInteger(text)
}

// parseInteger reads a decimal integer in whichever way JSON may spell it: 0 is also 0.0 and 0e0,
// 12 is also 12.0. Integers beyond 0 with an exponent are nobody's, and are not read.
func parseInteger(text string) (value int64, ok bool) {
	if value, err := strconv.ParseInt(text, 10, 64); err == nil {
		return value, true
	}
	if !isNumber(json.RawMessage(text)) || !json.Valid([]byte(text)) {
		return 0, false
	}
	mantissa, _, hasExponent := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "-.0") == "" {
		return 0, true
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if hasExponent || strings.Trim(fraction, "0") != "" {
		return 0, false
	}
	if value, err := strconv.ParseInt(whole, 10, 64); err == nil {
		return value, true
	}
	return 0, false
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
func (o object) short(name string, hidden secrets) string {
	value := o[name]
	if len(value) == 0 || value[0] != '"' && !isNumber(value) {
		return ""
	}
	text := o.text(name)
	var keys []string
	if !isNumber(value) {
		keys = slices.DeleteFunc(slices.Clone(hidden.keys), func(key string) bool { return len(key) < minKeyInSolution })
	}
	if len(text) > maxShort {
		return ""
	}
	return clean(text, secrets{keys: keys}) // an address or a price may be one that the task holds
}

func isNumber(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

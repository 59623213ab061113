package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
)

// form is what programs rely on in an answer: the HTTP status, the content type, and each
// property's type. Of most properties the value is not part of the form.
type form map[string]string

// byValue are the properties whose values programs read to tell answers apart.
var byValue = []string{"errorId", "errorCode", "status"}

func formOf(a answer) form {
	f := form{"HTTP status": fmt.Sprint(a.httpStatus), "content type": contentType(a.contentType)}
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.UseNumber()
	var body any
	if err := decoder.Decode(&body); err != nil || decoder.More() {
		f["body"] = "not JSON"
		return f
	}
	f.add("body", body)
	for name, value := range properties(body) {
		if slices.Contains(byValue, name) {
			f["body."+name] += fmt.Sprintf(" %.100q", fmt.Sprint(value))
		}
	}
	return f
}

func (f form) add(name string, value any) {
	switch value := value.(type) {
	case nil:
		f[name] = "null"
	case bool:
		f[name] = "boolean"
	case string:
		f[name] = "string"
	case json.Number:
		f[name] = "number"
		if !strings.ContainsAny(value.String(), ".eE") {
			f[name] = "integer"
		}
	case []any:
		f[name] = "array"
		for _, element := range value {
			f.add(name+"[]", element)
		}
	default:
		f[name] = "object"
		for property, value := range properties(value) {
			f.add(name+"."+property, value)
		}
	}
}

// properties are those of an object; of anything else there are none.
func properties(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

func contentType(header string) string {
	mediaType, parameters, err := mime.ParseMediaType(header)
	if err != nil {
		return fmt.Sprintf("%.100q", header)
	}
	for name, value := range parameters {
		parameters[name] = strings.ToLower(value)
	}
	return mime.FormatMediaType(mediaType, parameters)
}

// differences are lines for people.
func differences(step string, service, simulator form) []string {
	names := maps.Clone(service)
	maps.Copy(names, simulator)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inService, ok := service[name]
		if !ok {
			inService = "absent"
		}
		inSimulator, ok := simulator[name]
		if !ok {
			inSimulator = "absent"
		}
		if inService != inSimulator {
			lines = append(lines, fmt.Sprintf("%s: %s: the service: %s; the simulator: %s", step, name, inService, inSimulator))
		}
	}
	return lines
}

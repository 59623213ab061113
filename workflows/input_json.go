package workflows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// MarshalJSON writes durations as strings, and leaves zeros out. Its error is what was wrong with
// the JSON that the input was decoded from: without that, the rest of it could pass for what was
// meant.
func (in AwaitTaskResultInput) MarshalJSON() ([]byte, error) {
	if in.problem != "" {
		return nil, in.Validate()
	}
	return encodeProperties(in.properties())
}

// UnmarshalJSON is strict, and always returns nil: [AwaitTaskResultInput.Validate] and the workflow
// tell what is wrong.
func (in *AwaitTaskResultInput) UnmarshalJSON(data []byte) error {
	*in = AwaitTaskResultInput{}
	in.problem = decodeProperties(data, in.properties(), strictly, takesInput)
	return nil
}

// property is a row of an input's table of JSON properties.
type property struct {
	name string
	// handedOn tells that only a previous run sets the property.
	handedOn bool
	// required tells that the property must be given in JSON, because its zero is a value.
	required bool
	// parse sets the field from a JSON value other than null, and returns what is wrong with it, or
	// "".
	parse func(value json.RawMessage) (problem string)
	// print returns the field as a JSON value, or nil if it is left out.
	print func() any
	// check returns what is wrong with the field, or "".
	check func() (problem string)
	// setDefault replaces a zero.
	setDefault func()
}

// worksWith is for those whose service speaks the same protocol with other ids.
const worksWith = "this provider works with services whose task ids are integers (2captcha, RuCaptcha, Anti-Captcha, " +
	"CapMonster Cloud), not with services whose task ids are strings"

func taskIDProperty(name string, field *int64) property {
	const takes = "it takes the integer above 0 that createTask answered, like 74372499131"
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			id, err := strconv.ParseInt(string(value), 10, 64)
			switch _, quoted := strconv.ParseInt(strings.Trim(string(value), `"`), 10, 64); {
			case err == nil:
				*field = id
				return ""
			case value[0] != '"' || string(value) == `""`:
				return fmt.Sprintf("%s is %s: %s", name, printableJSON(value), takes)
			case quoted == nil:
				return fmt.Sprintf("%s is %s: %s, without quotes", name, printableJSON(value), takes)
			}
			return fmt.Sprintf("%s is %s: %s; %s", name, printableJSON(value), takes, worksWith)
		},
		print: func() any { return *field },
		check: func() string {
			switch {
			case *field == 0:
				return fmt.Sprintf("%s is missing: %s", name, takes)
			case *field < 0:
				return fmt.Sprintf("%s is %d: %s", name, *field, takes)
			}
			return ""
		},
		setDefault: func() {},
	}
}

func durationProperty(name string, field *time.Duration, minimum string, preset time.Duration) property {
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			var text string
			err := json.Unmarshal(value, &text)
			parsed, parseErr := time.ParseDuration(text)
			switch {
			case err != nil && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
				return fmt.Sprintf(`%s is %s, a number without a unit: it takes a duration with a unit, like "%s"`,
					name, printableJSON(value), preset)
			case err != nil || parseErr != nil:
				return fmt.Sprintf(`%s is %s: it takes a duration with a unit, like "%s"`, name, printableJSON(value), preset)
			}
			*field = parsed
			return ""
		},
		print: func() any {
			if *field == 0 {
				return nil
			}
			return field.String()
		},
		check: func() string {
			switch value := *field; {
			case value == 0:
			case value > 0 && value < time.Millisecond:
				return fmt.Sprintf(`%s is %s, since a number without a unit counts nanoseconds in Go: it takes a duration like "%ds"`,
					name, value, value.Nanoseconds())
			case value < 0 || value > maxDuration:
				return fmt.Sprintf(`%s is %s: it takes a duration from "%s" to "24h"`, name, value, minimum)
			}
			return ""
		},
		setDefault: func() {
			if *field == 0 {
				*field = preset
			}
		},
	}
}

func boolProperty(name string, field *bool) property {
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			if json.Unmarshal(value, field) != nil {
				return fmt.Sprintf("%s is %s: it takes true or false", name, printableJSON(value))
			}
			return ""
		},
		print: func() any {
			if !*field {
				return nil
			}
			return true
		},
		check:      func() string { return "" },
		setDefault: func() {},
	}
}

// choiceProperty takes one of two words, or "", which the input's own code takes for the first.
func choiceProperty[Choice ~string](name string, field *Choice, first, second Choice) property {
	takes := fmt.Sprintf(`it takes "%s" or "%s"`, first, second)
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			if json.Unmarshal(value, field) != nil {
				return fmt.Sprintf("%s is %s: %s", name, printableJSON(value), takes)
			}
			return ""
		},
		print: func() any {
			if *field == "" {
				return nil
			}
			return *field
		},
		check: func() string {
			if *field != "" && *field != first && *field != second {
				return fmt.Sprintf(`%s is "%s": %s`, name, printable(string(*field)), takes)
			}
			return ""
		},
		setDefault: func() {},
	}
}

// integerProperty takes an integer from minimum to maximum. 0 in Go is the default.
func integerProperty[Integer int | int64](name string, field *Integer, minimum, maximum int64, preset Integer, takes string) property {
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			parsed, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || parsed < minimum || parsed > maximum {
				return fmt.Sprintf("%s is %s: %s", name, printableJSON(value), takes)
			}
			*field = Integer(parsed)
			return ""
		},
		print: func() any {
			if *field == 0 {
				return nil
			}
			return *field
		},
		check: func() string {
			if *field != 0 && (int64(*field) < minimum || int64(*field) > maximum) {
				return fmt.Sprintf("%s is %d: %s", name, *field, takes)
			}
			return ""
		},
		setDefault: func() {
			if *field == 0 {
				*field = preset
			}
		},
	}
}

// taskProperty takes the task as it is. No message shows anything of it: it may hold passwords.
func taskProperty(name string, field *json.RawMessage) property {
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			*field = value
			return ""
		},
		print: func() any {
			if len(*field) == 0 {
				return nil
			}
			return *field
		},
		check: func() string {
			if len(*field) > activities.MaxTaskBytes {
				return fmt.Sprintf("%s has %d bytes: it takes at most %d, since Temporal takes no more than 2 MiB; use smaller "+
					"images: the service takes 100 kB", name, len(*field), activities.MaxTaskBytes)
			}
			if err := twocaptcha.CheckTask(*field); err != nil {
				return err.Error()
			}
			return ""
		},
		setDefault: func() {},
	}
}

// textProperty takes a text of at most so many bytes.
func textProperty(name string, field *string, maximum int) property {
	takes := fmt.Sprintf("it takes a text of at most %d bytes", maximum)
	return property{
		name: name,
		parse: func(value json.RawMessage) string {
			if json.Unmarshal(value, field) != nil {
				return fmt.Sprintf("%s is %s: %s", name, printableJSON(value), takes)
			}
			return ""
		},
		print: func() any {
			if *field == "" {
				return nil
			}
			return *field
		},
		check: func() string {
			if len(*field) > maximum || !utf8.ValidString(*field) {
				return fmt.Sprintf(`%s is "%s": %s`, name, printable(*field), takes)
			}
			return ""
		},
		setDefault: func() {},
	}
}

const continuedByCaller = "continued is set only when the workflow continues as new: leave it out"

// continuedProperty is read leniently: a previous run of a newer build may hand on more.
func continuedProperty[Progress any](name string, field **Progress) property {
	return property{
		name:     name,
		handedOn: true,
		parse: func(value json.RawMessage) string {
			if err := json.Unmarshal(value, field); err != nil {
				return fmt.Sprintf("%s is %s: it takes an object with the progress of a wait", name, printableJSON(value))
			}
			return ""
		},
		print: func() any {
			if *field == nil {
				return nil
			}
			return *field
		},
		check:      func() string { return "" },
		setDefault: func() {},
	}
}

// encodeProperties writes a JSON object with the properties in the table's order.
func encodeProperties(properties []property) ([]byte, error) {
	var object bytes.Buffer
	for _, property := range properties {
		value := property.print()
		if value == nil {
			continue
		}
		encoded, raw := value.(json.RawMessage) // which stays as it is, byte for byte
		if !raw {
			var err error
			if encoded, err = json.Marshal(value); err != nil {
				return nil, err
			}
		}
		separator := ","
		if object.Len() == 0 {
			separator = "{"
		}
		fmt.Fprintf(&object, "%s%q:%s", separator, property.name, encoded)
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

const takesInput = `it takes a JSON object like {"taskId": 74372499131}`

// decodeProperties sets the fields of a table from a JSON object, strictly or leniently, and
// returns what is wrong with it, or "". The fields that were read before a problem stay set. takes
// says what the input takes.
func decodeProperties(data []byte, properties []property, reading func([]property) takeProperty, takes string) (problem string) {
	take := reading(properties)
	decoder := json.NewDecoder(bytes.NewReader(data))
	switch first, err := decoder.Token(); {
	case err != nil:
		return "the input is not JSON: " + takes
	case first == nil:
		return "the input is null: " + takes
	case first != json.Delim('{'):
		return "the input is not a JSON object: " + takes
	}
	seen, given := map[string]bool{}, map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return "the input is broken JSON: " + takes
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return "the input is broken JSON: " + takes
		}
		if seen[name] {
			problem = fmt.Sprintf(`"%s" is given twice: it takes one value`, printable(name))
		} else if wrong := take(name, value); problem == "" {
			problem = wrong
		}
		seen[name], given[name] = true, string(value) != "null"
	}
	if _, err := decoder.Token(); err != nil {
		return "the input is broken JSON: " + takes
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "the input goes on after its JSON object: " + takes
	}
	for _, property := range properties {
		if problem == "" && property.required && !given[property.name] {
			problem = property.name + " is missing: " + takes
		}
	}
	return problem
}

// takeProperty sets a property from a JSON value, and returns what is wrong with it, or "". null is
// as good as leaving the property out.
type takeProperty func(name string, value json.RawMessage) (problem string)

// strictly takes what a caller may set. An unknown property is wrong: it may be a misspelled one.
func strictly(properties []property) takeProperty {
	return func(name string, value json.RawMessage) string {
		var names []string
		for _, property := range properties {
			switch {
			case property.name == name && string(value) == "null":
				return ""
			case property.name == name && property.handedOn:
				return continuedByCaller
			case property.name == name:
				return property.parse(value)
			case !property.handedOn:
				names = append(names, property.name)
			}
		}
		last := len(names) - 1
		return fmt.Sprintf(`"%s" is not a property of the input: it takes %s and %s`,
			printable(name), strings.Join(names[:last], ", "), names[last])
	}
}

// leniently takes what a previous run handed on. An unknown property is one of a newer build.
func leniently(properties []property) takeProperty {
	return func(name string, value json.RawMessage) string {
		for _, property := range properties {
			if property.name == name && string(value) != "null" {
				return property.parse(value)
			}
		}
		return ""
	}
}

func printableJSON(value json.RawMessage) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return "not JSON"
	}
	return printable(compact.String())
}

// printable returns the beginning of the caller's text as an error may quote it: invalid UTF-8 in a
// failure's message would never be delivered.
func printable(text string) string {
	return strings.Map(graphic, fmt.Sprintf("%.60s", text))
}

// graphic replaces a rune that can't be seen.
func graphic(r rune) rune {
	if unicode.IsGraphic(r) {
		return r
	}
	return unicode.ReplacementChar
}

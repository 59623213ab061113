package main

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// base is where the schemas' ids are. It stays, whatever becomes of this folder.
const base = "https://" + modulePath + "/schemas/"

// document is one schema.
type document struct {
	name, title string
	value       any // of the Go type
	// isInput tells that the schema is closed, and that null is as good as leaving a property out.
	isInput bool
	// required are the properties that an input needs, and those of an output if they are not the ones
	// that Go always writes.
	required []string
	// refine says more of the schema than the type does.
	refine func(*jsonschema.Schema)
}

var documents = []document{
	{name: "AwaitTaskResult.input", title: "AwaitTaskResultInput", value: workflows.AwaitTaskResultInput{}, isInput: true,
		required: []string{"taskId"}},
	{name: "AwaitTaskResult.output", title: "AwaitTaskResultOutput", value: workflows.AwaitTaskResultOutput{},
		required: []string{"taskId", "status", "solution", "polls"}, refine: isAlways("status", twocaptcha.StatusReady)},
	{name: "SolveTask.input", title: "SolveTaskInput", value: workflows.SolveTaskInput{}, isInput: true,
		required: []string{"task"}, refine: func(s *jsonschema.Schema) {
			set(s, "task", task())
			set(s, "languagePool", oneOf("en", "rn"))
			set(s, "softId", integer(0, math.MaxInt64))
			set(s, "attempts", integer(1, 10))
			property(s, "id").MaxLength = new(uint64(900))
		}},
	{name: "SolveTask.output", title: "SolveTaskOutput", value: workflows.SolveTaskOutput{},
		required: []string{"status", "solution", "polls", "attempts"}, refine: isAlways("status", twocaptcha.StatusReady)},
	{name: "CheckAccount.output", title: "CheckAccountOutput", value: workflows.CheckAccountOutput{}},
	{name: "ReportTask.input", title: "ReportTaskInput", value: workflows.ReportTaskInput{}, isInput: true,
		required: []string{"taskId", "correct"}},
	{name: "ReportTask.output", title: "ReportTaskOutput", value: workflows.ReportTaskOutput{},
		refine: isAlways("status", twocaptcha.StatusSuccess)},

	{name: "getTaskResult.input", title: "GetTaskResultInput", value: activities.GetTaskResultInput{}, isInput: true,
		required: []string{"taskId"}},
	{name: "getTaskResult.output", title: "GetTaskResultOutput", value: activities.GetTaskResultOutput{},
		refine: func(s *jsonschema.Schema) {
			set(s, "status", oneOf(twocaptcha.StatusProcessing, twocaptcha.StatusReady))
		}},
	{name: "createTask.input", title: "CreateTaskInput", value: activities.CreateTaskInput{}, isInput: true,
		required: []string{"task"}, refine: func(s *jsonschema.Schema) {
			set(s, "task", task())
			set(s, "softId", integer(0, math.MaxInt64))
		}},
	{name: "createTask.output", title: "CreateTaskOutput", value: activities.CreateTaskOutput{}, required: []string{},
		refine: isAlways("status", twocaptcha.StatusReady)},
	{name: "getBalance.output", title: "GetBalanceOutput", value: activities.GetBalanceOutput{}},
	{name: "reportCorrect.input", title: "ReportCorrectInput", value: activities.ReportInput{}, isInput: true,
		required: []string{"taskId"}},
	{name: "reportCorrect.output", title: "ReportCorrectOutput", value: activities.ReportOutput{},
		refine: isAlways("status", twocaptcha.StatusSuccess)},
	{name: "reportIncorrect.input", title: "ReportIncorrectInput", value: activities.ReportInput{}, isInput: true,
		required: []string{"taskId"}},
	{name: "reportIncorrect.output", title: "ReportIncorrectOutput", value: activities.ReportOutput{},
		refine: isAlways("status", twocaptcha.StatusSuccess)},

	{name: "status", title: "Status", value: workflows.SolveTaskStatus{}, required: []string{"state", "polls"}, refine: func(s *jsonschema.Schema) {
		s.Description = `Status is a wait's answer to the query "status". What does not apply is left out. attempts, taskIds and ` +
			`submittedAt are SolveTask's alone.`
	}},
	{name: "taskCallback", title: "TaskCallback", value: workflows.TaskCallback{}, refine: anyCall},
	{name: "errorDetails", title: "ErrorDetails", value: activities.ErrorDetails{}},
}

func (d document) schema(source *source) *jsonschema.Schema {
	reflector := &jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true,
		AllowAdditionalProperties:  !d.isInput,
		RequiredFromJSONSchemaTags: d.isInput,
		KeyNamer:                   propertyName,
		LookupComment:              source.comment,
		Mapper:                     mapped,
	}
	schema := reflector.Reflect(d.value)
	if rest, ok := strings.CutPrefix(schema.Description, reflect.TypeOf(d.value).Name()); ok {
		schema.Description = d.title + rest
	}
	schema.ID, schema.Title = jsonschema.ID(base+d.name+".json"), d.title
	if d.required != nil {
		schema.Required = d.required
	}
	if _, found := schema.Properties.Get("taskId"); found {
		set(schema, "taskId", integer(1, math.MaxInt64))
	}
	if d.refine != nil {
		d.refine(schema)
	}
	if d.isInput {
		takeNull(schema)
	}
	if d.name == "errorDetails" {
		schema.Definitions = jsonschema.Definitions{"errorType": errorTypes(source)}
	}
	return schema
}

// duration is what time.ParseDuration takes, less what is below zero. It can't say what the
// workflow checks besides: the bounds.
const duration = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// mapped is the schema of a type that the reflector can't know, or nil.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: duration, Examples: []any{"5s", "15m", "1h30m"}}
	case reflect.TypeFor[workflows.Polling]():
		return oneOf(string(workflows.PollingTimer), string(workflows.PollingActivityRetry))
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{ // any value but null
			AdditionalProperties: jsonschema.TrueSchema,
			Extras:               map[string]any{"type": []string{"object", "array", "string", "number", "boolean"}},
		}
	}
	return nil
}

func integer(minimum, maximum int64) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "integer", Minimum: json.Number(strconv.FormatInt(minimum, 10)), Maximum: json.Number(strconv.FormatInt(maximum, 10)),
	}
}

func oneOf(texts ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, text := range texts {
		s.Enum = append(s.Enum, text)
	}
	return s
}

// task is what createTask takes: an object with a type.
func task() *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"type"},
		AdditionalProperties: jsonschema.TrueSchema,
	}
	s.Properties.Set("type", &jsonschema.Schema{Type: "string", MinLength: new(uint64(1)), Description: "The task's type."})
	return s
}

func isAlways(name, value string) func(*jsonschema.Schema) {
	return func(s *jsonschema.Schema) {
		set(s, name, &jsonschema.Schema{Const: value})
		property(s, name).Description = name + " is " + strconv.Quote(value) + "."
	}
}

func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, found := s.Properties.Get(name)
	if !found {
		panic("no property " + name)
	}
	return p
}

// set replaces a property's schema, but for its description.
func set(s *jsonschema.Schema, name string, by *jsonschema.Schema) {
	p := property(s, name)
	by.Description = p.Description
	*p = *by
}

// takeNull has each property that need not be given take null, and a text of a choice be empty.
func takeNull(s *jsonschema.Schema) {
	for name, p := range s.Properties.FromOldest() {
		if slices.Contains(s.Required, name) {
			continue
		}
		p.Extras = map[string]any{"type": []string{p.Type, "null"}}
		p.Type = ""
		if p.Enum != nil {
			p.Enum = append(p.Enum, "", nil)
		}
	}
}

// anyCall lets a task's id stand alone, be a text, or be missing: people signal by hand.
func anyCall(s *jsonschema.Schema) {
	taskID := func() []*jsonschema.Schema {
		return []*jsonschema.Schema{integer(1, math.MaxInt64), {Type: "string", Pattern: `^\+?0*[1-9][0-9]{0,18}$`}, {Type: "null"}}
	}
	set(s, "taskId", &jsonschema.Schema{AnyOf: taskID()})
	object := &jsonschema.Schema{Type: s.Type, Properties: s.Properties}
	s.Type, s.Properties = "", nil
	s.AnyOf = append([]*jsonschema.Schema{object}, taskID()...)
}

// errorTypes are the types of the ApplicationErrors that this version knows.
func errorTypes(source *source) *jsonschema.Schema {
	s := oneOf(source.errorTypes()...)
	s.Title = "ErrorType"
	s.Description = "The type of an ApplicationError of a workflow or an activity: one of this project's, or a code of the " +
		"service. The service may have further codes."
	return s
}

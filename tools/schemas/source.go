package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

const modulePath = "github.com/temporal-providers/temporal-2captcha"

// source is what the Go source says beside its types.
type source struct {
	// comments are those of types and, after a dot, of their fields, by the package's path and the
	// type's name.
	comments map[string]string
	// constants are the values of the exported constants that are strings, by their names, which
	// are unique over the packages; names has them in the source's order.
	constants map[string]string
	names     []string
	// sameFields says of a type that is defined by another one which that is.
	sameFields map[string]string
}

// readSource reads the packages whose types have schemas.
func readSource(repository string) (*source, error) {
	s := &source{comments: map[string]string{}, constants: map[string]string{}, sameFields: map[string]string{}}
	for _, folder := range []string{"twocaptcha", "activities", "workflows", "nexusservice"} {
		files, err := filepath.Glob(filepath.Join(repository, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, &fs.PathError{Op: "read the package in", Path: filepath.Join(repository, folder), Err: fs.ErrNotExist}
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			s.read(path.Join(modulePath, folder), parsed)
		}
	}
	return s, nil
}

func (s *source) read(packagePath string, file *ast.File) {
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				s.readConstants(group.Tok, spec)
			case *ast.TypeSpec:
				name := packagePath + "." + spec.Name.Name
				s.comments[name] = group.Doc.Text()
				switch definition := spec.Type.(type) {
				case *ast.StructType:
					s.readFields(name, definition)
				case *ast.Ident:
					s.sameFields[name] = packagePath + "." + definition.Name
				}
			}
		}
	}
}

func (s *source) readFields(typeName string, definition *ast.StructType) {
	for _, field := range definition.Fields.List {
		for _, name := range field.Names {
			s.comments[typeName+"."+name.Name] = field.Doc.Text()
		}
	}
}

func (s *source) readConstants(kind token.Token, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if kind != token.CONST || !name.IsExported() || i >= len(spec.Values) {
			continue
		}
		literal, ok := spec.Values[i].(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if value, err := strconv.Unquote(literal.Value); err == nil {
			s.constants[name.Name] = value
			s.names = append(s.names, name.Name)
		}
	}
}

// errorTypes are the types of ApplicationErrors that a caller may see, in the source's order: the
// service's codes first.
func (s *source) errorTypes() (types []string) {
	for _, name := range s.names {
		if strings.HasPrefix(name, "Error") && s.constants[name] != activities.ErrorTypeNotReady {
			types = append(types, s.constants[name])
		}
	}
	return types
}

// comment is the comment of a type's field or, if field is "", the first paragraph of that of the
// type, in the words of JSON.
func (s *source) comment(t reflect.Type, field string) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	name := t.PkgPath() + "." + t.Name()
	if field == "" {
		first, _, _ := strings.Cut(s.comments[name], "\n\n")
		return s.inJSON(t, first)
	}
	for ; name != ""; name = s.sameFields[name] {
		if comment := s.comments[name+"."+field]; comment != "" {
			return s.inJSON(t, comment)
		}
	}
	return ""
}

var (
	word = regexp.MustCompile(`\b[A-Z]\w*\b`)
	ofGo = regexp.MustCompile(` \([^()]* in Go\)`)
	link = regexp.MustCompile(`\[\*?([\w.]+)\]`)
)

// inJSON replaces the names that Go alone has, of fields by those of properties, and of constants
// by their values. It leaves out sentences that link to anything else, since only a Go program has
// that, and what is said in brackets of Go.
func (s *source) inJSON(t reflect.Type, comment string) string {
	properties := map[string]string{}
	for _, field := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.Anonymous {
			properties[field.Name] = cmp.Or(tag, propertyName(field.Name))
		}
	}
	comment = ofGo.ReplaceAllString(strings.Join(strings.Fields(comment), " "), "")
	sentences := slices.DeleteFunc(strings.SplitAfter(comment, ". "), func(sentence string) bool {
		return slices.ContainsFunc(link.FindAllStringSubmatch(sentence, -1), func(found []string) bool {
			return s.constants[found[1]] == ""
		})
	})
	comment = strings.TrimSpace(link.ReplaceAllString(strings.Join(sentences, ""), "$1"))
	return word.ReplaceAllStringFunc(comment, func(name string) string {
		if value, known := s.constants[name]; known && name != value {
			return strconv.Quote(value)
		}
		if property, known := properties[name]; known {
			return property
		}
		return name
	})
}

// propertyName is a field's name in JSON: TaskID is taskId.
func propertyName(field string) string {
	field = strings.ReplaceAll(strings.ReplaceAll(field, "ID", "Id"), "URL", "Url")
	return strings.ToLower(field[:1]) + field[1:] // Id is id
}

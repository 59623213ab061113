package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxColumns is the last column of a comment line. A tab counts as one column.
const maxColumns = 100

// directive is a comment for a program, such as //go:build.
var directive = regexp.MustCompile(`^//(?:[a-z0-9]+:[a-z0-9]|nolint|export |line )`)

// output begins what an example prints, which has the lines that it has.
var output = regexp.MustCompile(`^// (?i:unordered )?(?i:output):`)

// checkGo checks the comments of a Go file and, unless it is a test, the texts in it.
func checkGo(name string, content []byte) ([]finding, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(parsed) {
		return nil, nil
	}
	var findings []finding
	lines := strings.Split(string(content), "\n")
	for _, group := range parsed.Comments {
		findings = append(findings, checkComments(name, files, group, lines)...)
	}
	if !strings.HasSuffix(name, "_test.go") {
		findings = append(findings, checkTexts(name, files, parsed)...)
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return a.line - b.line })
	return findings, nil
}

func checkComments(name string, files *token.FileSet, group *ast.CommentGroup, lines []string) []finding {
	var findings []finding
	var prose strings.Builder // a line for each one of the group, so that the numbers stay right
	inOutput := false
	for _, comment := range group.List {
		inOutput = inOutput || output.MatchString(comment.Text)
		first := files.Position(comment.Pos()).Line
		for i, text := range strings.Split(comment.Text, "\n") {
			line := lines[first+i-1]
			alone := i > 0 || strings.HasPrefix(strings.TrimSpace(line), "/")
			text, code := proseOf(text)
			if inOutput || directive.MatchString(comment.Text) {
				code = true
			}
			if code {
				text = ""
			}
			prose.WriteString(text + "\n")
			if columns := utf8.RuneCountInString(line); alone && !code && columns > maxColumns && breakable(text) {
				findings = append(findings, finding{
					file: name, line: first + i, excerpt: excerpt(text, 40) + " …",
					advice: fmt.Sprintf("the comment line has %d columns: end it at column %d", columns, maxColumns),
				})
			}
		}
	}
	return append(findings, checkProse(name, prose.String(), files.Position(group.Pos()).Line)...)
}

// proseOf returns a comment line without its marks, and whether it is a line of code.
func proseOf(line string) (text string, code bool) {
	text = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(line, "//"), "/*"), "*/")
	return strings.TrimSpace(text), strings.HasPrefix(line, "//\t")
}

// breakable reports whether a line of the text can be made shorter: a URL can't.
func breakable(text string) bool { return len(strings.Fields(text)) > 1 }

// checkTexts checks what a program may print: its string literals, and the help in struct tags.
func checkTexts(name string, files *token.FileSet, parsed *ast.File) []finding {
	var findings []finding
	tags := map[*ast.BasicLit]bool{}
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if node.Tag != nil {
				tags[node.Tag] = true
			}
		case *ast.BasicLit:
			if node.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(node.Value)
			if err != nil {
				return true
			}
			if tags[node] {
				text = reflect.StructTag(text).Get("help")
			}
			line := files.Position(node.Pos()).Line
			for _, found := range checkProse(name, text, 0) {
				// Only the lines of a raw string are lines of the file.
				if node.Value[0] != '`' {
					found.line = 0
				}
				found.line += line
				findings = append(findings, found)
			}
		}
		return true
	})
	return findings
}

// block begins a Markdown line that doesn't go on with the paragraph before it.
var block = regexp.MustCompile(`^\s*(?:#|[-*] |\d+\. |>|\|)`)

// checkMarkdown checks what is not code. Lines can be as long as they are.
func checkMarkdown(name, content string) []finding {
	var findings []finding
	var paragraph strings.Builder
	first := 1
	check := func(next int) {
		findings = append(findings, checkProse(name, paragraph.String(), first)...)
		paragraph.Reset()
		first = next
	}
	fenced := false
	line := 0
	for text := range strings.Lines(content) {
		line++
		fence := strings.HasPrefix(strings.TrimSpace(text), "```")
		switch {
		case fence || fenced:
			check(line + 1)
			fenced = fenced != fence
			continue
		case strings.TrimSpace(text) == "" || block.MatchString(text):
			check(line)
			text = strings.TrimLeft(text, "#> \t")
		}
		paragraph.WriteString(text)
	}
	check(line)
	return findings
}

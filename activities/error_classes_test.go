package activities

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// A code without a class would pass for a verdict, and a reason without one for a verdict without a
// type.
func TestTablesHaveEveryConstantOfTheClient(t *testing.T) {
	t.Parallel()
	require.Equal(t, ClientConstants(t, "error_codes.go", "Error"), slices.Sorted(maps.Keys(serviceErrorClasses)))

	var reasons []string
	for reason := range maps.Keys(transportErrorClasses) {
		reasons = append(reasons, string(reason))
	}
	slices.Sort(reasons)
	require.Equal(t, ClientConstants(t, "errors.go", "Reason"), reasons)
}

// A word that is missing could be said by the service.
func TestOwnWordsHaveEveryWordOfAnEnd(t *testing.T) {
	t.Parallel()
	words := constants(t, "error_classes.go", func(name, _ string) bool { return strings.HasPrefix(name, "ErrorType") })
	words = append(words, constants(t, "../workflows/names.go", func(name, value string) bool {
		return unicode.IsUpper(rune(value[0])) && !strings.HasSuffix(name, "Workflow")
	})...)
	require.Contains(t, words, "TaskTimeout")
	require.Contains(t, words, "AlreadyRunning")
	require.Subset(t, ownWords, words)
}

// A service that answers a large task before it has read it has bought nothing. A code says so too,
// except on a status by which a gateway speaks.
func TestAnswersBeforeTheRequestWasSentInFull(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 101, 200, 204, 408, 425, 429, 499, 500, 503} {
		for _, code := range []string{"", twocaptcha.ErrorNoSlotAvailable} {
			if status == 0 && code != "" {
				continue
			}
			answer := createTaskAnswer{code: code, status: status, notSent: true}
			require.Equal(t, repeated, answer.means(), "%+v", answer)
		}
	}
	for _, status := range []int{408, 499, 503} {
		for _, code := range []string{"ERROR_NEW", twocaptcha.ErrorServiceUnavaliable} {
			answer := createTaskAnswer{code: code, status: status, notSent: true}
			require.Equal(t, repeated, answer.means(), "%+v", answer)
			answer.notSent = false
			require.Equal(t, unknownOutcome, answer.means(), "%+v", answer)
		}
	}
	for _, answer := range []createTaskAnswer{
		{code: twocaptcha.ErrorZeroBalance, status: 500, notSent: true}, {code: "ERROR_NEW", status: 413, notSent: true},
		{status: 413, notSent: true}, {status: 302, notSent: true},
	} {
		require.Equal(t, refused, answer.means(), "%+v", answer)
	}
}

func TestEveryReasonHasAType(t *testing.T) {
	t.Parallel()
	for reason, entry := range transportErrorClasses {
		require.NotEmpty(t, entry.errorType, "%s", reason)
		require.False(t, entry.class.benign, "%s", reason)
		final := reason == twocaptcha.ReasonNoCode || reason == twocaptcha.ReasonTooLarge ||
			reason == twocaptcha.ReasonInput
		require.Equal(t, !final, entry.class.retryable, "%s", reason)
	}
}

// ClientConstants returns the sorted values of the constants whose names begin with prefix in a
// source file of package twocaptcha. This folder's other tests use it too.
func ClientConstants(t *testing.T, name, prefix string) []string {
	t.Helper()
	return constants(t, "../twocaptcha/"+name, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
}

// constants returns the sorted values of the string constants in a source file that are wanted.
func constants(t *testing.T, path string, wanted func(name, value string) bool) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var values []string
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			if len(constant.Values) == 0 {
				continue
			}
			literal, ok := constant.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			value, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if wanted(constant.Names[0].Name, value) {
				values = append(values, value)
			}
		}
	}
	slices.Sort(values)
	return values
}

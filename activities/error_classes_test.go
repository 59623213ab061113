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

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// A code without a class would pass for a verdict, and a reason without one for a verdict without a
// type.
func TestTablesHaveEveryConstantOfTheClient(t *testing.T) {
	t.Parallel()
	for method, classes := range serviceErrorClasses {
		require.Equal(t, ClientConstants(t, "error_codes.go", "Error"), slices.Sorted(maps.Keys(classes)), "the codes of %s", method)
	}

	var reasons []string
	for reason := range maps.Keys(transportErrorClasses) {
		reasons = append(reasons, string(reason))
	}
	slices.Sort(reasons)
	require.Equal(t, ClientConstants(t, "errors.go", "Reason"), reasons)
}

func TestEveryReasonHasAType(t *testing.T) {
	t.Parallel()
	for reason, entry := range transportErrorClasses {
		require.NotEmpty(t, entry.errorType, "%s", reason)
		require.False(t, entry.class.benign, "%s", reason)
		final := reason == twocaptcha.ReasonNoCode || reason == twocaptcha.ReasonTooLarge
		require.Equal(t, !final, entry.class.retryable, "%s", reason)
	}
}

// ClientConstants returns the sorted values of the constants whose names begin with prefix in a
// source file of package twocaptcha. This folder's other tests use it too.
func ClientConstants(t *testing.T, name, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../twocaptcha/"+name, nil, 0)
	require.NoError(t, err)
	var values []string
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			if !strings.HasPrefix(constant.Names[0].Name, prefix) {
				continue
			}
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return values
}

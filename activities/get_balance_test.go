package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestGetBalance(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	for name, input := range map[string][]any{
		"no input":          nil,
		"an empty object":   {map[string]any{}},
		"null":              {nil},
		"anything":          {rawJSON(`{"ofTomorrow":[1]}`)},
		"JSON of any shape": {rawJSON(`5`)},
	} {
		value, err := s.ExecuteActivity("getBalance", input...)
		require.NoError(t, err, name)
		var properties map[string]any
		require.NoError(t, value.Get(&properties))
		require.Equal(t, map[string]any{"balance": "10000.00000"}, properties, "%s: a decimal, not a float", name)
	}
	require.Empty(t, s.marks)
}

func TestGetBalanceThatFails(t *testing.T) {
	t.Parallel()
	service, err := simulator.Start(simulator.Options{ClientKey: "another key"})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	s := newShopAt(t, nil, service, service.URL())
	_, err = s.ExecuteActivity(activities.GetBalanceActivity)
	failure := applicationError(t, err)
	require.Equal(t, twocaptcha.ErrorKeyDoesNotExist, failure.Type())
	require.True(t, failure.NonRetryable())

	service.Close()
	_, err = s.ExecuteActivity(activities.GetBalanceActivity)
	failure = applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
}

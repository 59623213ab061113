package twocaptcha_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestBalance(t *testing.T) {
	t.Parallel()
	var path, request, body string
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		path, request = r.URL.Path, string(content)
		_, _ = io.WriteString(w, body)
	})
	client := newClient(t, server.URL)
	for answer, expected := range map[string]string{
		`{"errorId":0,"balance":0.93958}`:                        "0.93958",
		`{"errorId":0,"balance":0.10}`:                           "0.10",
		`{"errorId":0,"balance":0}`:                              "0",
		`{"errorId":0,"balance":-1.5}`:                           "-1.5",
		`{"balance":"12.34"}`:                                    "12.34",
		`{"errorId":0,"errorCode":"0","balance":123456789012.1}`: "123456789012.1",
	} {
		body = answer
		result, err := client.GetBalance(t.Context())
		require.NoError(t, err, "of %s", answer)
		require.Equal(t, &twocaptcha.BalanceResult{Balance: expected}, result)
		require.Equal(t, "/getBalance", path)
		require.JSONEq(t, `{"clientKey":"`+clientKey+`"}`, request)
	}

	for answer, expected := range map[string]string{
		`{"errorId":0}`:                                "(no balance)",
		`{"errorId":0,"balance":null}`:                 "(no balance)",
		`{"errorId":0,"balance":true}`:                 "(balance is not a number)",
		`{"errorId":0,"balance":"much"}`:               "(balance is not a number)",
		`{"errorId":0,"balance":""}`:                   "(balance is not a number)",
		`{"errorId":0,"balance":"` + clientKey + `"}`:  "(balance is not a number)",
		`{"errorId":0,"balance":"1 2"}`:                "(balance is not a number)",
		`{"errorId":0.5,"errorCode":"","balance":0.5}`: "(errorId is not an integer)",
	} {
		body = answer
		_, err := client.GetBalance(t.Context())
		requireTransportError(t, err, twocaptcha.ReasonUnexpected)
		require.ErrorContains(t, err, "getBalance: ")
		require.ErrorContains(t, err, expected, "of %s", answer)
		requireNoKey(t, err, answer)
	}

	body = `{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"wrong key"}`
	_, err := client.GetBalance(t.Context())
	require.EqualError(t, requireServiceError(t, err), "getBalance: ERROR_KEY_DOES_NOT_EXIST (check the client key): wrong key")
}

package twocaptcha_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// FuzzDecodeAnswer has the service answer anything, and checks what holds for every answer.
func FuzzDecodeAnswer(f *testing.F) {
	for _, body := range []string{
		`{"errorId":0,"status":"processing"}`,
		`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"Workers could not solve the Captcha"}`,
		`{"errorId":0,"status":"ready","solution":{"gRecaptchaResponse":"03AG","n":[null,1e400]},"cost":"0.00299",` +
			`"ip":"1.2.3.4","createTime":1692863536,"endTime":1692863556,"solveCount":1}`,
		`{"status":"ready","solution":"8","cost":0.1,"solveCount":"0","errorCode":null}`,
		`{"status":"ready","solution":{"` + clientKey + `":"` + escapedKey(clientKey) + `"},"ip":"` + clientKey + `"}`,
		`{"errorId":1,"errorCode":"X` + clientKey + `","errorDescription":"` + escapedKey(clientKey) + `"}`,
		"{\"status\":\"ready\",\"solution\":\"\xff\\ud800\\u0000\",\"status\":\"ready\"}",
		"\ufeff{\"errorId\":\"7\"} ",
		"<html>\x00\x1b[31m" + clientKey + "</html>",
		`{"errorId":0.0,"status":"ready","solution":"8","errorCode":"SUCCESS"}<br>`,
		`{"errorId":1,"errorCode":"CAPCHA_NOT_READY"}`, `{"status":"idle","errorCode":"0"}`,
		`[null]`, `null`, ``, `{"status":"ready","solution":` + nested(50),
	} {
		for _, status := range []uint16{200, 302, 401, 500} {
			f.Add(status, []byte(body))
		}
	}
	var status int
	var body []byte
	server := startService(f, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
	client := newClient(f, server.URL)

	f.Fuzz(func(t *testing.T, anyStatus uint16, anyBody []byte) {
		status, body = 200+int(anyStatus)%400, anyBody // net/http sends no informational status as an answer
		result, err := client.GetTaskResult(t.Context(), taskID)
		if err == nil {
			requireSoundResult(t, body, result)
			require.True(t, status < 300 || bytes.Contains(body, []byte("_NOT_READY")), "a result on HTTP status %d", status)
			return
		}
		require.Nil(t, result)
		requireNoKey(t, err, "an answer's error")
		var serviceError *twocaptcha.ServiceError
		var transportError *twocaptcha.TransportError
		switch {
		case errors.As(err, &serviceError):
			require.NotEmpty(t, serviceError.Code)
			requireText(t, serviceError.Code, 100)
			requireText(t, serviceError.Description, 500)
			require.Equal(t, status, serviceError.HTTPStatus)
		case errors.As(err, &transportError):
			requireText(t, transportError.Detail, 500)
			require.NotEqual(t, twocaptcha.ReasonConnection, transportError.Reason, "of %s", err)
			require.Equal(t, status, transportError.HTTPStatus)
		default:
			t.Fatalf("an error of type %T", err)
		}
	})
}

// FuzzReplaceClientKey has the service answer with any solution and description to a request with
// any client key, and compares what is made of them with a replacement in the decoded values.
func FuzzReplaceClientKey(f *testing.F) {
	f.Add(clientKey, []byte(`{"a":["`+clientKey+`",{"`+escapedKey(clientKey)+`":"`+clientKey[:31]+`"}],"b":"\n\"\ud83d\ude00"}`))
	f.Add(`n"\/<&'>`, []byte(`"\nn\"\\\/\u003c&'>n\"\\/<&\u0027>"`))
	f.Add("ключ-😀", []byte(`["\ud83dключ-\ud83d\ude00","ключ-😀","ключ-\ud83d\ud83d"]`))
	f.Add("aaaaaaaa", []byte(`"aaaaaaaaa\u0061aaaaaaaaaa\\u0061"`))
	f.Add("]aaaaaaa", []byte(`"]aaaaaaaaaaaaaa]"`))
	f.Add("\ufffd\ufffd\ufffd", []byte("[\"\xff\ufffd\\ud800\\udc00\ufffd\\udc00\ufffd\"]"))
	f.Add(clientKey, []byte(`"`+strings.ToUpper(clientKey)+" "+clientKey[5:20]+" "+strings.Join(strings.Split(clientKey, ""), " ")+`"`))
	f.Add(clientKey, []byte(`"`+percentEncoded(clientKey)+" "+base64.StdEncoding.EncodeToString([]byte("x"+clientKey))+`"`))
	var body []byte
	server := startService(f, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })

	f.Fuzz(func(t *testing.T, key string, solution []byte) {
		client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: key, URL: server.URL})
		if err != nil {
			requireText(t, err.Error(), 500)
			return
		}
		defer client.CloseIdleConnections()
		key = strings.TrimSpace(key)
		solution = bytes.ToValidUTF8(solution, []byte("\ufffd"))
		if !json.Valid(solution) || string(bytes.TrimSpace(solution)) == "null" {
			return
		}
		replaced := keyReplaced(decode(t, solution), key)

		body = fmt.Appendf(nil, `{"status":"ready","solution":%s}`, solution)
		result, err := client.GetTaskResult(t.Context(), taskID)
		require.NoError(t, err)
		require.True(t, json.Valid(result.Solution))
		if len(key) >= 8 {
			require.Equal(t, replaced, decode(t, result.Solution))
		} else {
			require.Equal(t, string(bytes.TrimSpace(solution)), string(result.Solution))
		}

		body = fmt.Appendf(nil, `{"errorCode":"-","errorDescription":%s}`, solution)
		_, err = client.GetTaskResult(t.Context(), taskID)
		requireText(t, err.Error(), 500)
		description := requireServiceError(t, err).Description
		requireText(t, description, 500)
		if !strings.ContainsAny(key, "[client key]") { // otherwise the replacement and what is around it may hold it
			requireNoPart(t, description, key, "the description")
		}
	})
}

// requireSoundResult compares a result with what a decoder of its own makes of the body.
func requireSoundResult(t *testing.T, body []byte, result *twocaptcha.TaskResult) {
	encoded, err := json.Marshal(result)
	require.NoError(t, err)
	require.True(t, utf8.Valid(encoded))
	require.True(t, utf8.Valid(result.Solution))

	expected := decode(t, bytes.TrimPrefix(bytes.TrimSpace(bytes.ToValidUTF8(body, []byte("\ufffd"))), []byte("\ufeff"))).(map[string]any)
	if code, _ := expected["errorCode"].(string); result.Status == twocaptcha.StatusReady {
		require.Equal(t, "ready", expected["status"])
	} else if !strings.Contains(code, "_NOT_READY") {
		require.Contains(t, []any{"processing", "idle"}, expected["status"])
	}
	for name, value := range map[string]string{"cost": result.Cost, "ip": result.IP} {
		requireText(t, value, 500)
		require.NotContains(t, value, clientKey)
		if number, ok := expected[name].(json.Number); ok && len(number) <= 100 {
			require.Equal(t, number.String(), value, "the %s", name)
		}
	}
	for name, value := range map[string]*int64{
		"createTime": result.CreateTime, "endTime": result.EndTime, "solveCount": result.SolveCount,
	} {
		if value != nil {
			integer, ok := new(big.Int).SetString(strings.TrimSpace(fmt.Sprint(expected[name])), 10)
			require.True(t, ok, "the %s", name)
			require.Equal(t, integer.String(), fmt.Sprint(*value), "the %s", name)
		}
	}
	switch result.Status {
	case twocaptcha.StatusProcessing:
		require.Nil(t, result.Solution)
	case twocaptcha.StatusReady:
		solution := decode(t, result.Solution)
		require.NotNil(t, solution)
		require.Equal(t, keyReplaced(expected["solution"], clientKey), solution)
		require.Equal(t, solution, keyReplaced(solution, clientKey), "the solution with its key replaced once more")
	default:
		t.Fatalf("a result with the status %q", result.Status)
	}
}

func decode(t *testing.T, content []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value))
	return value
}

// replacedInAnyCase replaces the key in text from left to right.
func replacedInAnyCase(text, key string) string {
	lower := func(text string) []rune { return []rune(strings.Map(unicode.ToLower, text)) }
	chars, folded, wanted := []rune(text), lower(text), lower(key)
	var replaced strings.Builder
	for at := 0; at < len(chars); {
		if at+len(wanted) <= len(chars) && slices.Equal(folded[at:at+len(wanted)], wanted) {
			replaced.WriteString("[client key]")
			at += len(wanted)
			continue
		}
		replaced.WriteRune(chars[at])
		at++
	}
	return replaced.String()
}

// requireNoPart looks for 12 characters of the key in a row, or all of a shorter one, in any case
// and with white space taken out of the text.
func requireNoPart(t testing.TB, text, key, name string) {
	t.Helper()
	wanted := []rune(strings.Map(unicode.ToLower, key))
	text = strings.Map(unicode.ToLower, text)
	if len(wanted) >= 12 {
		text = strings.Join(strings.Fields(text), "")
	}
	for from := 0; from+min(12, len(wanted)) <= len(wanted); from++ {
		require.NotContains(t, text, string(wanted[from:from+min(12, len(wanted))]), name)
	}
}

// keyReplaced is a decoded JSON value with the key replaced in its strings.
func keyReplaced(value any, key string) any {
	switch value := value.(type) {
	case string:
		return replacedInAnyCase(value, key)
	case []any:
		replaced := make([]any, len(value))
		for index := range value {
			replaced[index] = keyReplaced(value[index], key)
		}
		return replaced
	case map[string]any:
		replaced := make(map[string]any, len(value))
		for name := range value {
			replaced[keyReplaced(name, key).(string)] = keyReplaced(value[name], key)
		}
		return replaced
	}
	return value
}

package twocaptcha_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// escapedKey is the key as JSON may spell it, no character as it is.
func escapedKey(key string) string {
	var escaped strings.Builder
	for index, char := range key {
		if index%2 == 0 {
			fmt.Fprintf(&escaped, `\u%04x`, char)
		} else {
			fmt.Fprintf(&escaped, `\u%04X`, char)
		}
	}
	return escaped.String()
}

func TestEchoedClientKeyIsInNoError(t *testing.T) {
	t.Parallel()
	halfEscaped := escapedKey(clientKey[:9]) + clientKey[9:]
	for name, body := range map[string]string{
		"code":                       `{"errorId":1,"errorCode":"%s"}`,
		"within a code":              `{"errorId":1,"errorCode":"NO_%s_HERE"}`,
		"description":                `{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"no key %[1]s, %[1]s"}`,
		"description at the limit":   `{"errorId":1,"errorCode":"X","errorDescription":"` + longText("a", 480) + `%s"}`,
		"code at the limit":          `{"errorId":1,"errorCode":"` + longText("a", 80) + `%s"}`,
		"description of an odd type": `{"errorId":1,"errorCode":"X","errorDescription":{"key":["%s"]}}`,
		"status":                     `{"errorId":0,"status":"%s"}`,
		"no code":                    `{"errorId":1,"request":{"clientKey":"%s"}}`,
		"no object":                  `"%s"`,
		"property":                   `{"%s":1}`,
		"truncated":                  `{"errorId":1,"errorCode":"%s`,
		"HTML":                       `<html>%s</html>`,
		"text":                       `%s`,
		"excerpt's limit":            longText("a", 110) + `%s`,
	} {
		for _, status := range []int{200, 302, 401, 500} {
			for _, echo := range []string{clientKey, escapedKey(clientKey), halfEscaped} {
				_, err := ask(t, status, strings.ReplaceAll(body, "%s", echo))
				require.Error(t, err)
				requireNoKey(t, err, name)
			}
		}
	}
}

func TestEchoedClientKeyIsReplacedWhereItStood(t *testing.T) {
	t.Parallel()
	_, err := ask(t, 200, `{"errorId":1,"errorCode":"NO_`+clientKey+`","errorDescription":"see `+escapedKey(clientKey)+`!"}`)
	failure := requireServiceError(t, err)
	require.Equal(t, "NO_[client key]", failure.Code)
	require.Equal(t, "see [client key]!", failure.Description)
	_, err = ask(t, 500, `<b>`+clientKey+`</b>`)
	require.ErrorContains(t, err, `"<b>[client key]</b>"`)
	_, err = ask(t, 500, `your key is `+clientKey[:31])
	require.ErrorContains(t, err, `"your key is [client key]"`, "a text that breaks off within the key")
}

func TestEchoedClientKeyOutsideOfBodies(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"status line":        "HTTP/1.1 500 " + clientKey + "\r\nContent-Length: 0\r\n\r\n",
		"no HTTP":            clientKey + "\r\n\r\n",
		"status":             "HTTP/1.1 " + clientKey + "\r\n\r\n",
		"header":             "HTTP/1.1 200 OK\r\n" + clientKey + "\r\n\r\n",
		"header value":       "HTTP/1.1 200 OK\r\nX-Key: \x00" + clientKey + "\r\n\r\n",
		"length":             "HTTP/1.1 200 OK\r\nContent-Length: " + clientKey + "\r\n\r\n",
		"two lengths":        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: " + clientKey + "\r\n\r\n",
		"transfer encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + clientKey + "\r\n\r\n",
		"chunk":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + clientKey + "\r\n",
		"location":           "HTTP/1.1 302 Found\r\nLocation: http://" + clientKey + "/" + clientKey + "\r\nContent-Length: 0\r\n\r\n",
		"odd location":       "HTTP/1.1 302 Found\r\nLocation: http://%zz" + clientKey + "\r\nContent-Length: 0\r\n\r\n",
		"retry after":        "HTTP/1.1 503 Busy\r\nRetry-After: " + clientKey + "\r\nContent-Length: 0\r\n\r\n",
		"body broken off":    "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + clientKey,
		"key broken off":     "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + `{"a":"` + clientKey[:31],
		"invalid UTF-8 near": "HTTP/1.1 500 Busy\r\nContent-Length: 34\r\n\r\n\xff" + clientKey + "\xff",
	} {
		url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
			if readRequest(reader) {
				_, _ = io.WriteString(connection, answer)
			}
		})
		_, err := newClient(t, url).GetTaskResult(t.Context(), taskID)
		require.Error(t, err, name)
		requireNoKey(t, err, name)
		require.NotContains(t, err.Error(), clientKey[:31], name)
	}
}

func TestEchoedClientKeyIsInNoResult(t *testing.T) {
	t.Parallel()
	escaped := escapedKey(clientKey)
	const mark = "[client key]"
	for solution, expected := range map[string]string{
		`"` + clientKey + `"`:                                 `"` + mark + `"`,
		`"a ` + clientKey + clientKey + ` b"`:                 `"a ` + mark + mark + ` b"`,
		`"` + escaped + `"`:                                   `"` + mark + `"`,
		`{"` + clientKey + `":{"a":["` + escaped + `"]}}`:     `{"` + mark + `":{"a":["` + mark + `"]}}`,
		`"\"\\` + clientKey + `\\\""`:                         `"\"\\` + mark + `\\\""`,
		`"\ud800` + clientKey + `\udc00\u0000"`:               `"\ud800` + mark + `\udc00\u0000"`,
		`"{\"key\":\"` + clientKey + `\"}"`:                   `"{\"key\":\"` + mark + `\"}"`,
		`"` + clientKey[:31] + `"`:                            `"` + clientKey[:31] + `"`,
		`["` + clientKey[:16] + `","` + clientKey[16:] + `"]`: `["` + clientKey[:16] + `","` + clientKey[16:] + `"]`,
	} {
		body := `{"errorId":0,"status":"ready","solution":` + solution + `,"cost":"` + escaped + `","ip":"` + clientKey + `"}`
		result, err := ask(t, 200, body)
		require.NoError(t, err)
		require.Equal(t, expected, string(result.Solution))
		require.Equal(t, mark, result.Cost)
		require.Equal(t, mark, result.IP)
	}
}

func TestKeysOfOddCharactersAreReplacedInSolutions(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`n"\/<&>'`, "ключ-😀", `uuuuuuuu`, `\u0061\u0061`, `nnnnnnnn`, `]"[client`} {
		literal, err := json.Marshal(key)
		require.NoError(t, err)
		for _, spelled := range []string{strings.Trim(string(literal), `"`), escapedUnits(key)} {
			var body string
			server := startService(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			client := newClient(t, server.URL, func(o *twocaptcha.Options) { o.ClientKey = key })

			body = `{"status":"ready","solution":"\n` + spelled + `\\"}`
			result, err := client.GetTaskResult(t.Context(), taskID)
			require.NoError(t, err)
			require.Equal(t, `"\n[client key]\\"`, string(result.Solution), "key %s as %s", key, spelled)

			body = `{"errorCode":"X","errorDescription":"` + spelled + `"}`
			_, err = client.GetTaskResult(t.Context(), taskID)
			require.Equal(t, "[client key]", requireServiceError(t, err).Description, "key %s as %s", key, spelled)
		}
	}
}

func TestShortKeysAreLeftInSolutions(t *testing.T) {
	t.Parallel()
	for key, expected := range map[string]string{
		"token-7":  `{"token-7":"token-78","n":12345678}`,
		"token-78": `{"token-7":"[client key]","n":12345678}`,
		"12345678": `{"token-7":"token-78","n":12345678}`,
	} {
		server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"ready","solution":{"token-7":"token-78","n":12345678},"cost":12345678}`)
		})
		client := newClient(t, server.URL, func(o *twocaptcha.Options) { o.ClientKey = key })
		result, err := client.GetTaskResult(t.Context(), taskID)
		require.NoError(t, err)
		require.Equal(t, expected, string(result.Solution), "with the key %s", key)
		require.Equal(t, "12345678", result.Cost)
	}
}

// requireNoKey looks for the key in all that an error can be turned into.
func requireNoKey(t testing.TB, err error, name string) {
	t.Helper()
	requireText(t, err.Error(), 500)
	encoded, encodeErr := json.Marshal(err)
	require.NoError(t, encodeErr)
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), string(encoded)} {
		require.NotContains(t, text, clientKey, name)
		require.NotContains(t, text, escapedKey(clientKey), name)
		require.NotContains(t, text, escapedKey(clientKey[:9])+clientKey[9:], name)
	}
}

// escapedUnits is text with each UTF-16 unit escaped.
func escapedUnits(text string) string {
	var escaped strings.Builder
	for _, char := range text {
		if char >= 0x10000 {
			char -= 0x10000
			fmt.Fprintf(&escaped, `\u%04x\u%04x`, 0xd800+char>>10, 0xdc00+char&0x3ff)
			continue
		}
		fmt.Fprintf(&escaped, `\u%04x`, char)
	}
	return escaped.String()
}

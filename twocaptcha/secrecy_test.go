package twocaptcha_test

import (
	"bufio"
	"encoding/base64"
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

// spellings are the ways in which an echo of the key may be spelled so that a person or a program
// can still read it.
func spellings() map[string]string {
	all := map[string]string{
		"upper case":             strings.ToUpper(clientKey),
		"percent-encoded":        percentEncoded(clientKey),
		"partly percent-encoded": percentEncoded(clientKey[:7]) + clientKey[7:],
		"percent-encoded twice":  strings.ReplaceAll(percentEncoded(clientKey), "%", "%25"),
		"split by spaces":        strings.Join(strings.Split(clientKey, ""), " "),
		"split by lines":         clientKey[:11] + "\r\n\t" + clientKey[11:22] + "\n" + clientKey[22:],
		"split by NULs":          strings.Join(strings.Split(clientKey, ""), "\x00"),
		"split by zero width":    strings.Join(strings.Split(clientKey, ""), "\u200b"),
		"split by soft hyphens":  clientKey[:11] + "\u00ad" + clientKey[11:22] + "\u00ad" + clientKey[22:],
		"split and escaped":      strings.Join(strings.Split(escapedKey(clientKey), `\`), "\n"+`\`),
		"split by escapes":       clientKey[:11] + `\n` + clientKey[11:22] + `%20` + clientKey[22:],
		"escaped twice":          strings.ReplaceAll(escapedKey(clientKey), `\`, `\\`),
		"escaped, percent":       strings.ReplaceAll(escapedKey(clientKey), `\`, `%5C`),
		"base64 in lines":        base64.StdEncoding.EncodeToString([]byte(clientKey))[:20] + "\r\n" + base64.StdEncoding.EncodeToString([]byte(clientKey))[20:],
		"base64 in a word":       "Basic" + base64.StdEncoding.EncodeToString([]byte("user:"+clientKey)),
		"base64 of upper case":   base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(clientKey))),
		"base64, percent":        percentEncoded(base64.StdEncoding.EncodeToString([]byte("??>" + clientKey))),
	}
	for length := 12; length < len(clientKey); length += 5 {
		for from := 0; from+length <= len(clientKey); from += 3 {
			all[fmt.Sprintf("%d characters from %d", length, from)] = clientKey[from : from+length]
			for before := range 4 {
				content := []byte(strings.Repeat("?", before) + clientKey[from:from+length] + "~~")
				name := fmt.Sprintf("base64 of %d characters from %d after %d others", length, from, before)
				all[name] = base64.StdEncoding.EncodeToString(content)
				all[name+", for URLs"] = base64.RawURLEncoding.EncodeToString(content)
			}
		}
	}
	return all
}

func TestEchoedClientKeyIsFoundHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	for name, spelled := range spellings() {
		literal, err := json.Marshal("a: " + spelled + " :b")
		require.NoError(t, err)
		for _, body := range []string{
			`{"errorId":1,"errorCode":"X","errorDescription":` + string(literal) + `}`,
			"<p>" + spelled + "</p>",
			"<p>" + longText("- ", 90) + spelled + "</p>",
		} {
			_, err = ask(t, 401, body)
			requireNoPart(t, err.Error(), clientKey, name)
			require.Contains(t, err.Error(), "[client key]", "%s in %s", name, body)
		}
		_, err = ask(t, 200, `{"errorId":1,"errorCode":"X","errorDescription":`+string(literal)+`}`)
		description := requireServiceError(t, err).Description
		require.Regexp(t, `^a: .{0,16}\[client key\].{0,16} :b$`, description, name)
		for _, piece := range []string{spelled, strings.Join(strings.Fields(spelled), "")} {
			for from := 0; from+20 <= len(piece); from++ {
				require.NotContains(t, description, piece[from:from+20], name)
			}
		}
	}
}

func TestWhatOnlyResemblesTheClientKeyIsShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"11 characters: " + clientKey[:11] + "_" + clientKey[12:23] + "!",
		"a hash: 5d41402abc4b2a76b9719d911017c592",
		"base64: SGVsbG8sIHdvcmxkISBIb3cgYXJlIHlvdSB0b2RheT8=",
		"100% of %41 and C:\\new\\u0041 stay as they are",
	} {
		literal, err := json.Marshal(text)
		require.NoError(t, err)
		_, err = ask(t, 200, `{"errorCode":"X","errorDescription":`+string(literal)+`}`)
		require.Equal(t, text, requireServiceError(t, err).Description)
	}
}

// Keys that are shorter than the service's are test keys, such as words.
func TestShortClientKeysAreFoundAsAWhole(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]string{
		"Test-Key":            "[client key]",
		"%74est%2Dkey":        "[client key]",
		"the test-keys":       "the [client key]s",
		"test- key, est-key":  "test- key, est-key",
		"dGVzdC1rZXk= test-k": "dGVzdC1rZXk= test-k",
	} {
		server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"errorCode":"X","errorDescription":%q}`, text)
		})
		client := newClient(t, server.URL, func(o *twocaptcha.Options) { o.ClientKey = "test-key" })
		_, err := client.GetTaskResult(t.Context(), taskID)
		require.Equal(t, expected, requireServiceError(t, err).Description)
	}
}

func percentEncoded(text string) string {
	var encoded strings.Builder
	for _, char := range []byte(text) {
		fmt.Fprintf(&encoded, "%%%02x", char)
	}
	return encoded.String()
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
		`"` + strings.ToUpper(clientKey) + `"`:                `"` + mark + `"`,
		`"` + escapedKey(strings.ToUpper(clientKey)) + `"`:    `"` + mark + `"`,
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
	for _, key := range []string{`n"\/<&'>`, "ключ-😀", `uuuuuuuu`, `\u0061\u0061`, `nnnnnnnn`, `]"[client`} {
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
	requireNoPart(t, err.Error(), clientKey, name)
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

package twocaptcha_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestAnswersThatAreResults(t *testing.T) {
	t.Parallel()
	const processing, ready = `{"status":"processing"}`, `{"status":"ready","solution":{}}`
	for name, test := range map[string]struct{ body, expected string }{
		"processing": {`{"errorId":0,"status":"processing"}`, processing},
		"ready": {
			`{"errorId":0,"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4",` +
				`"createTime":1692863536,"endTime":1692863556,"solveCount":1}`,
			`{"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4",` +
				`"createTime":1692863536,"endTime":1692863556,"solveCount":1}`,
		},
		"status last": {`{"errorId":0,"solution":{"token":"a"},"status":"ready"}`,
			`{"status":"ready","solution":{"token":"a"}}`},
		"errorCode null":               {`{"errorId":0,"errorCode":null,"status":"processing"}`, processing},
		"errorCode empty":              {`{"errorId":0,"errorCode":" ","status":"processing"}`, processing},
		"errorCode 0":                  {`{"errorId":0,"errorCode":0,"status":"processing"}`, processing},
		"errorCode of no use":          {`{"errorId":0,"errorCode":false,"status":"processing"}`, processing},
		"errorId a string":             {`{"errorId":"0","status":"processing"}`, processing},
		"errorId null":                 {`{"errorId":null,"status":"processing"}`, processing},
		"errorId absent":               {`{"status":"processing"}`, processing},
		"white space and a mark":       {"\ufeff \r\n" + `{"errorId":0, "status" : "processing"}` + "\n\n", processing},
		"processing with a solution":   {`{"errorId":0,"status":"processing","solution":{"a":1}}`, processing},
		"paid, with a stray errorCode": {`{"errorId":0,"errorCode":"ERROR_X","status":"ready","solution":{}}`, ready},
		"solution a string":            {`{"status":"ready","solution":"8"}`, `{"status":"ready","solution":"8"}`},
		"solution an empty string":     {`{"status":"ready","solution":""}`, `{"status":"ready","solution":""}`},
		"solution a number":            {`{"status":"ready","solution":8}`, `{"status":"ready","solution":8}`},
		"solution false":               {`{"status":"ready","solution":false}`, `{"status":"ready","solution":false}`},
		"solution with odd parts": {
			`{"status":"ready","solution":{"A.b":[null,1e400,12345678901234567890],"url":"http:\/\/a\/","n":"{\"x\":1}"}}`,
			`{"status":"ready","solution":{"A.b":[null,1e400,12345678901234567890],"url":"http:\/\/a\/","n":"{\"x\":1}"}}`,
		},
		"cost a number":      {`{"status":"ready","solution":{},"cost":0.10}`, `{"status":"ready","solution":{},"cost":"0.10"}`},
		"cost beyond floats": {`{"status":"ready","solution":{},"cost":0.12345678901234567890123}`, `{"status":"ready","solution":{},"cost":"0.12345678901234567890123"}`},
		"numbers as strings": {
			`{"status":"ready","solution":{},"createTime":"1692863536","endTime":" 1692863556 ","solveCount":"0"}`,
			`{"status":"ready","solution":{},"createTime":1692863536,"endTime":1692863556,"solveCount":0}`,
		},
		"properties of no use": {
			`{"status":"ready","solution":{},"cost":{},"ip":[1],"createTime":1.5,"endTime":"soon","solveCount":true}`, ready},
		"properties null":       {`{"status":"ready","solution":{},"cost":null,"ip":null,"createTime":null,"solveCount":null}`, ready},
		"properties empty":      {`{"status":"ready","solution":{},"cost":"","ip":"","createTime":"","solveCount":" "}`, ready},
		"property beyond int64": {`{"status":"ready","solution":{},"solveCount":9223372036854775808}`, ready},
		"endless cost":          {`{"status":"ready","solution":{},"cost":` + longText("1", 5000) + `}`, ready},
		"duplicate properties":  {`{"status":"processing","solution":1,"status":"ready","solution":{}}`, ready},
		"names of another case": {`{"status":"processing","STATUS":"ready","Solution":{},"ErrorCode":"X"}`, processing},
		"unknown properties":    {`{"status":"processing","x":[{}]}`, processing},
		"NUL escaped":           {`{"status":"ready","solution":"a\u0000b"}`, `{"status":"ready","solution":"a\u0000b"}`},
		"lone surrogate":        {`{"status":"ready","solution":"\ud800"}`, `{"status":"ready","solution":"\ud800"}`},
		"invalid UTF-8": {
			"{\"status\":\"ready\",\"solution\":{\"a\xff\":\"\xc3(\"},\"ip\":\"\xfe\"}",
			"{\"status\":\"ready\",\"solution\":{\"a\ufffd\":\"\ufffd(\"},\"ip\":\"\ufffd\"}",
		},
		"255 KiB of <": {
			`{"status":"ready","solution":"` + longText("<", 255<<10) + `"}`,
			`{"status":"ready","solution":"` + longText("<", 255<<10) + `"}`,
		},
		"nested 9,999 deep": {
			`{"status":"ready","solution":` + nested(9999) + `}`,
			`{"status":"ready","solution":` + nested(9999) + `}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := ask(t, http.StatusOK, test.body)
			require.NoError(t, err)
			encoded, err := json.Marshal(result)
			require.NoError(t, err)
			require.Equal(t, withoutHTMLEscapes(test.expected), withoutHTMLEscapes(string(encoded)))
		})
	}
}

func TestAnswersThatAreNeitherResultNorError(t *testing.T) {
	t.Parallel()
	const unreadable, unexpected = twocaptcha.ReasonUnreadable, twocaptcha.ReasonUnexpected
	const noCode, tooLarge = twocaptcha.ReasonNoCode, twocaptcha.ReasonTooLarge
	for name, test := range map[string]struct {
		body     string
		reason   twocaptcha.Reason
		expected string
	}{
		"empty":                  {"", unreadable, "the answer is empty"},
		"blank":                  {" \r\n", unreadable, "the answer is empty"},
		"HTML":                   {"<html>\n  <b>busy</b>", unreadable, `"<html> <b>busy</b>"`},
		"truncated":              {`{"errorId":0,"status":"rea`, unreadable, "unexpected end of JSON input"},
		"trailing data":          {`{"status":"processing"}{}`, unreadable, "after top-level value"},
		"NUL byte":               {"{\"status\":\"proc\x00essing\"}", unreadable, "invalid character"},
		"nested too deep":        {`{"status":"ready","solution":` + nested(10000) + `}`, unreadable, "exceeded max depth"},
		"only an opening":        {longText("[", 20000), unreadable, "exceeded max depth"},
		"null":                   {"null", unexpected, "(not a JSON object): \"null\""},
		"array":                  {"[]", unexpected, "not a JSON object"},
		"string":                 {`"ready"`, unexpected, "not a JSON object"},
		"no property":            {"{}", unexpected, "no status"},
		"status null":            {`{"errorId":0,"status":null}`, unexpected, "no status"},
		"status unknown":         {`{"errorId":0,"status":"idle"}`, unexpected, `status "idle"`},
		"status other case":      {`{"errorId":0,"status":"Ready","solution":{}}`, unexpected, `status "Ready"`},
		"status a number":        {`{"errorId":0,"status":1}`, unexpected, `status "1"`},
		"no solution":            {`{"errorId":0,"status":"ready"}`, unexpected, "ready without a solution"},
		"solution null":          {`{"errorId":0,"status":"ready","solution":null}`, unexpected, "ready without a solution"},
		"errorId of no use":      {`{"errorId":{},"status":"ready","solution":{}}`, unexpected, "errorId is not an integer"},
		"errorId not an integer": {`{"errorId":1.5,"status":"processing"}`, unexpected, "errorId is not an integer"},
		"no code":                {`{"errorId":7,"errorDescription":"odd"}`, noCode, `errorId 7 and no errorCode: "{"errorId":7,`},
		"no code, processing": {`{"errorId":"7","errorCode":null,"status":"processing"}`, noCode,
			"errorId 7 and no errorCode"},
		"no code, ready": {`{"errorId":7,"status":"ready","solution":{}}`, noCode, "errorId 7 and no errorCode"},
		"one byte too large": {`{"status":"ready","solution":"` + longText("<", 256<<10+1-31) + `"}`, tooLarge,
			"over 256 KiB"},
		"2 MiB": {`{"status":"ready","solution":"` + longText("a", 2<<20) + `"}`, tooLarge, "over 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ask(t, http.StatusOK, test.body)
			failure := requireTransportError(t, err, test.reason)
			require.ErrorContains(t, err, "task 74372499131: getTaskResult: ")
			require.ErrorContains(t, err, test.expected)
			require.LessOrEqual(t, len(err.Error()), 500)
			require.Equal(t, 200, failure.HTTPStatus)
			require.NoError(t, failure.Unwrap())
			if test.reason == noCode {
				require.EqualValues(t, 7, failure.ErrorID)
			}
		})
	}
}

func TestAnswerOf256KiBIsTaken(t *testing.T) {
	t.Parallel()
	const head, tail = `{"status":"ready","solution":"`, `"}`
	result, err := ask(t, http.StatusOK, head+longText("a", 256<<10-len(head)-len(tail))+tail)
	require.NoError(t, err)
	require.Len(t, result.Solution, 256<<10-len(`{"status":"ready","solution":`)-len(`}`))
}

func TestEndlessAnswerIsReadNoFurther(t *testing.T) {
	t.Parallel()
	for status, reason := range map[int]twocaptcha.Reason{200: twocaptcha.ReasonTooLarge, 500: twocaptcha.ReasonStatus} {
		server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for err := error(nil); err == nil; { // until the client hangs up
				_, err = io.WriteString(w, longText("a", 64<<10))
			}
		})
		_, err := newClient(t, server.URL).GetTaskResult(t.Context(), taskID)
		requireTransportError(t, err, reason)
	}
}

func TestStatusesWithoutAnErrorOfTheService(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status   int
		body     string
		expected string
	}{
		"page of the CDN": {521, "<!DOCTYPE html>\n<title>521: Web server is down</title>",
			`HTTP status 521: "<!DOCTYPE html> <title>521: Web server is down</title>"`},
		"text":                {500, "500 Internal Server Error", `HTTP status 500 (Internal Server Error): "500 Internal Server Error"`},
		"not found":           {404, "Not Found", `HTTP status 404 (Not Found): "Not Found"`},
		"empty":               {503, "", "HTTP status 503 (Service Unavailable) with an empty body"},
		"no content":          {204, "", "HTTP status 204 (No Content) with an empty body"},
		"a result":            {502, `{"errorId":0,"status":"ready","solution":{}}`, `HTTP status 502`},
		"processing":          {202, `{"errorId":0,"status":"processing"}`, `HTTP status 202`},
		"JSON of a gateway":   {403, `{"error":"denied"}`, `"{"error":"denied"}"`},
		"truncated JSON":      {500, `{"errorId":1,"errorCode":"ERR`, `HTTP status 500`},
		"2 MiB":               {500, longText("<b>", 2<<20), "HTTP status 500"},
		"not modified":        {304, "", "HTTP status 304 (Not Modified) with an empty body"},
		"errorId of no use":   {500, `{"errorId":"x"}`, "HTTP status 500"},
		"long line, cut":      {500, longText("é", 1000), "…"},
		"control characters":  {500, "a\x00b\x1b[31mc\u202ed\u2028e", `"a b [31mc d e"`},
		"invalid UTF-8":       {500, "a\xffb", "\"a\ufffdb\""},
		"quotes in its lines": {500, `say "hello"`, `"say "hello""`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ask(t, test.status, test.body)
			failure := requireTransportError(t, err, twocaptcha.ReasonStatus)
			require.Equal(t, test.status, failure.HTTPStatus)
			require.ErrorContains(t, err, test.expected)
			requireText(t, err.Error(), 500)
		})
	}
	_, err := ask(t, 500, `{"errorId":7}`)
	require.Equal(t, 500, requireTransportError(t, err, twocaptcha.ReasonNoCode).HTTPStatus)
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// withoutHTMLEscapes undoes what json.Marshal does to <, > and &.
func withoutHTMLEscapes(text string) string {
	for _, char := range "<>&" {
		text = strings.ReplaceAll(text, fmt.Sprintf(`\u%04x`, char), string(char))
	}
	return text
}

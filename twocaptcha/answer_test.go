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
		"properties null":          {`{"status":"ready","solution":{},"cost":null,"ip":null,"createTime":null,"solveCount":null}`, ready},
		"properties empty":         {`{"status":"ready","solution":{},"cost":"","ip":"","createTime":"","solveCount":" "}`, ready},
		"property beyond int64":    {`{"status":"ready","solution":{},"solveCount":9223372036854775808}`, ready},
		"endless cost":             {`{"status":"ready","solution":{},"cost":` + longText("1", 5000) + `}`, ready},
		"duplicate properties":     {`{"status":"processing","solution":1,"status":"ready","solution":{}}`, ready},
		"errorCode SUCCESS":        {`{"errorId":0,"errorCode":"SUCCESS","status":"processing"}`, processing},
		"errorCode Success":        {`{"errorId":0,"errorCode":" Success ","status":"processing"}`, processing},
		"errorCode NO_ERROR":       {`{"errorId":0,"errorCode":"NO_ERROR","status":"processing"}`, processing},
		"errorCode 0, a string":    {`{"errorId":0,"errorCode":"0","status":"processing"}`, processing},
		"errorCode 0.0":            {`{"errorId":0,"errorCode":0.0,"status":"processing"}`, processing},
		"errorId 0.0":              {`{"errorId":0.0,"status":"ready","solution":{}}`, ready},
		"errorId 0e0":              {`{"errorId":0e0,"status":"ready","solution":{}}`, ready},
		"errorId -0":               {`{"errorId":-0.00E+99,"status":"ready","solution":{}}`, ready},
		"errorId 0.0, a string":    {`{"errorId":"0.0","status":"ready","solution":{}}`, ready},
		"idle":                     {`{"errorId":0,"errorCode":"","status":"idle"}`, processing},
		"bytes after a result":     {`{"errorId":0,"status":"ready","solution":{}}</body>`, ready},
		"an object after a result": {`{"errorId":0,"status":"ready","solution":{}} {"errorId":12,"errorCode":"X"}`, ready},
		"300 KiB after a result":   {`{"status":"ready","solution":{}}` + longText(" <!-- -->", 300<<10), ready},
		"CAPCHA_NOT_READY":         {`{"errorId":1,"errorCode":"CAPCHA_NOT_READY","errorDescription":"wait"}`, processing},
		"CAPTCHA_NOT_READY":        {`{"errorId":0,"errorCode":"CAPTCHA_NOT_READY","status":"ready"}`, processing},
		"CAPTCHA_NOT_READY with an error": {
			`{"errorId":1,"errorCode":"CAPTCHA_NOT_READY","status":"ready","solution":{}}`, processing},
		"paid, with CAPTCHA_NOT_READY": {`{"errorId":0,"errorCode":"CAPTCHA_NOT_READY","status":"ready","solution":{}}`, ready},
		"names of another case":        {`{"status":"processing","STATUS":"ready","Solution":{},"ErrorCode":"X"}`, processing},
		"unknown properties":           {`{"status":"processing","x":[{}]}`, processing},
		"NUL escaped":                  {`{"status":"ready","solution":"a\u0000b"}`, `{"status":"ready","solution":"a\u0000b"}`},
		"lone surrogate":               {`{"status":"ready","solution":"\ud800"}`, `{"status":"ready","solution":"\ud800"}`},
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
			for _, status := range []int{200, 201, 202, 203, 206, 299} {
				result, err := ask(t, status, test.body)
				require.NoError(t, err, "on HTTP %d", status)
				encoded, err := json.Marshal(result)
				require.NoError(t, err)
				require.Equal(t, withoutHTMLEscapes(test.expected), withoutHTMLEscapes(string(encoded)), "on HTTP %d", status)
			}
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
		"an error and more":      {`{"errorCode":"ERROR_CAPTCHA_UNSOLVABLE"}{}`, unreadable, "after top-level value"},
		"an error and a result":  {`{"errorId":1,"status":"ready","solution":1}{"status":"ready","solution":1}`, unreadable, "after top-level value"},
		"NUL byte":               {"{\"status\":\"proc\x00essing\"}", unreadable, "invalid character"},
		"nested too deep":        {`{"status":"ready","solution":` + nested(10000) + `}`, unreadable, "exceeded max depth"},
		"only an opening":        {longText("[", 20000), unreadable, "exceeded max depth"},
		"null":                   {"null", unexpected, "(not a JSON object): \"null\""},
		"array":                  {"[]", unexpected, "not a JSON object"},
		"string":                 {`"ready"`, unexpected, "not a JSON object"},
		"no property":            {"{}", unexpected, "no status"},
		"status null":            {`{"errorId":0,"status":null}`, unexpected, "no status"},
		"status unknown":         {`{"errorId":0,"status":"failed"}`, unexpected, `status "failed"`},
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
		"300 KB of HTML": {longText("<p>busy</p>", 300_000), unreadable,
			`the answer is over 256 KiB large and not a JSON object: "<p>busy</p><p>`},
		"300 KB of JSON that is not an object": {"[" + longText("0,", 300_000) + "0]", unreadable, "not a JSON object"},
		"300 KB after a mark":                  {" \ufeff {" + longText(" ", 300_000), tooLarge, "over 256 KiB"},
		"no code but SUCCESS":                  {`{"errorId":7,"errorCode":"SUCCESS"}`, noCode, "errorId 7 and no errorCode"},
		"2 MiB":                                {`{"status":"ready","solution":"` + longText("a", 2<<20) + `"}`, tooLarge, "over 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{200, 203} {
				_, err := ask(t, status, test.body)
				reason, expected := test.reason, test.expected
				if status == 203 && expected == "the answer is empty" {
					reason, expected = twocaptcha.ReasonStatus, "HTTP status 203 (Non-Authoritative Information) with an empty body"
				}
				failure := requireTransportError(t, err, reason)
				require.ErrorContains(t, err, "task 74372499131: getTaskResult: ")
				require.ErrorContains(t, err, expected)
				require.LessOrEqual(t, len(err.Error()), 500)
				require.Equal(t, status, failure.HTTPStatus)
				require.NoError(t, failure.Unwrap())
				if reason == noCode {
					require.EqualValues(t, 7, failure.ErrorID)
				}
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
			_, _ = io.WriteString(w, `{"status":"ready","solution":"`)
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
		"processing":          {502, `{"errorId":0,"status":"processing"}`, `HTTP status 502`},
		"reset content":       {205, "", "HTTP status 205 (Reset Content) with an empty body"},
		"code of a gateway":   {502, `{"errorCode":"InternalServerError"}`, `HTTP status 502 (Bad Gateway): "{"errorCode":"InternalServerError"}"`},
		"code with an id":     {503, `{"errorId":1,"errorCode":"ERROR_BUSY","errorDescription":"x"}`, "ERROR_BUSY"},
		"code, timeout":       {408, `{"errorId":1,"errorCode":"ERROR_BUSY"}`, "HTTP status 408 (Request Timeout)"},
		"code, too early":     {425, `{"errorId":1,"errorCode":"ERROR_BUSY"}`, "HTTP status 425 (Too Early)"},
		"code, limited":       {429, `{"errorId":1,"errorCode":"ERROR_BUSY"}`, "HTTP status 429 (Too Many Requests)"},
		"not ready, limited":  {429, `{"errorId":1,"errorCode":"CAPTCHA_NOT_READY"}`, "HTTP status 429 (Too Many Requests)"},
		"errorId alone":       {500, `{"errorId":7}`, `HTTP status 500 (Internal Server Error): "{"errorId":7}"`},
		"errorId, limited":    {429, `{"errorId":1,"errorCode":null}`, "HTTP status 429"},
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
	for _, status := range []int{302, 400, 401, 404, 499} {
		_, err := ask(t, status, `{"errorId":7}`)
		require.Equal(t, status, requireTransportError(t, err, twocaptcha.ReasonNoCode).HTTPStatus)
		_, err = ask(t, status, `{"errorCode":"ERROR_BUSY"}`)
		require.Equal(t, "ERROR_BUSY", requireServiceError(t, err).Code)
		result, err := ask(t, status, `{"errorId":1,"errorCode":"CAPCHA_NOT_READY"}`)
		require.NoError(t, err, "on HTTP %d", status)
		require.Equal(t, twocaptcha.StatusProcessing, result.Status)
	}
}

// A transforming proxy may send a part of an answer as 206, or with another length.
func TestResultOnOther2xxCountsOnlyIfItIsWhole(t *testing.T) {
	t.Parallel()
	const whole = `{"errorId":0,"status":"ready","solution":{"text":"hello"}}`
	for length := range len(whole) {
		_, err := ask(t, http.StatusPartialContent, whole[:length])
		require.Error(t, err, "of %q", whole[:length])
	}
	result, err := ask(t, http.StatusPartialContent, whole)
	require.NoError(t, err)
	require.JSONEq(t, `{"text":"hello"}`, string(result.Solution))
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

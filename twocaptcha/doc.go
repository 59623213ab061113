// Package twocaptcha is a client for version 2 of the HTTP API of 2captcha
// (https://2captcha.com/api-docs).
//
// # Requests
//
// A method of [Client] sends one request and never retries it: the caller decides whether and when
// to ask again. [Options] has the client key, the API's address, and WrapTransport, which wraps the
// HTTP transport, for example to trace requests.
//
// # Errors
//
// Two error types say what happened. A [ServiceError] is the service's own answer, with its code. A
// [TransportError] is everything else: no answer, or an answer that is neither a result nor an
// error of the service.
//
// What the service says is untrusted text. In errors it is valid UTF-8 without control characters
// and of bounded length. If the service echoes the client key, or 12 or more characters of it in a
// row, they are masked, in any case, also if they are escaped, percent- or base64-encoded, or split
// by white space. So errors can be logged, stored and passed on as they are.
package twocaptcha

// Package twocaptcha is a client for version 2 of the HTTP API of 2captcha (https://2captcha.com/api-docs).
//
// It sends one request a call and repeats nothing: whether and when to ask again is for the caller to decide, who is
// told what happened by two error types. A [ServiceError] is the service's own answer, with its code. A
// [TransportError] is everything else: no answer, or one that is neither a result nor an error of the service.
//
// What the service says is foreign text. In errors it is valid UTF-8 without control characters, of bounded length, and
// the client key is replaced where the service echoes it; so errors can be logged, stored and sent on as they are.
package twocaptcha

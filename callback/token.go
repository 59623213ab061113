package callback

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// These are the kinds of tokens. The kind is under the MAC, so that one kind can't be turned into
// the other.
const (
	taskKind       = "task"       // its payload is a nonce
	workflowKind   = "workflow"   // its payload is a workflow's id
	submissionKind = "submission" // its payload is a submission's name, a zero byte, and a workflow's id
)

// maxToken is the length of the longest token: one with a submission and a workflow id of the
// longest there are.
const maxToken = len(submissionKind) + len(".") + ((maxSubmission+1+maxWorkflowID)*4+2)/3 + len(".") + (sha256.Size*4+2)/3

// signer returns the MAC of a text, in base64url. It is a function so that printing a value that
// holds it does not print the secret.
type signer func(text string) string

func newSigner(secret string) (signer, error) {
	if secret == "" {
		return nil, errors.New("callback: the secret is empty: it takes 32 random bytes, or a text of as much randomness")
	}
	return func(text string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(text))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}, nil
}

// token returns <kind>.<payload>.<MAC of both>, payload and MAC in base64url.
func (sign signer) token(kind string, payload []byte) string {
	signed := kind + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + sign(signed)
}

// open returns what is in a token that this signer made, and false for every other text. MACs are
// compared as texts, because one MAC has several spellings in base64.
func (sign signer) open(token string) (kind string, payload []byte, genuine bool) {
	if len(token) > maxToken { // a MAC of megabytes costs a sender nothing, and us time
		return "", nil, false
	}
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return "", nil, false
	}
	signed, mac := token[:end], token[end+1:]
	if !hmac.Equal([]byte(sign(signed)), []byte(mac)) {
		return "", nil, false
	}
	kind, encoded, _ := strings.Cut(signed, ".")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(payload) == 0 {
		return "", nil, false
	}
	isWorkflowID := func(id []byte) bool { return len(id) > 0 && len(id) <= maxWorkflowID }
	switch kind {
	case taskKind:
		genuine = true
	case workflowKind:
		genuine = isWorkflowID(payload)
	case submissionKind:
		submission, workflowID, _ := bytes.Cut(payload, submissionEnd)
		genuine = len(submission) > 0 && isWorkflowID(workflowID)
	}
	return kind, payload, genuine
}

package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// codec encrypts payloads with AES-256-GCM. A codec of yours would take its keys from a key
// management service, and name the key in the metadata, so that keys can be changed.
type codec struct{ aead cipher.AEAD }

var _ converter.PayloadCodec = codec{}

const encoding = "binary/encrypted"

func newCodec(key []byte) (codec, error) {
	if len(key) != 32 {
		return codec{}, fmt.Errorf("the key has %d bytes: it takes 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return codec{}, err
	}
	aead, err := cipher.NewGCM(block)
	return codec{aead}, err
}

// Encode hides a whole payload, metadata included, in the data of another one.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encrypted := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, c.aead.NonceSize())
		rand.Read(nonce)
		encrypted[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)},
			Data:     c.aead.Seal(nonce, nonce, plain, nil),
		}
	}
	return encrypted, nil
}

// Decode leaves payloads alone that were not encrypted.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decrypted := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != encoding {
			decrypted[i] = payload
			continue
		}
		size := c.aead.NonceSize()
		if len(payload.GetData()) < size {
			return nil, fmt.Errorf("an encrypted payload has %d bytes, which is too short", len(payload.GetData()))
		}
		plain, err := c.aead.Open(nil, payload.GetData()[:size], payload.GetData()[size:], nil)
		if err != nil {
			return nil, fmt.Errorf("a payload can't be decrypted: %w", err)
		}
		decrypted[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decrypted[i]); err != nil {
			return nil, err
		}
	}
	return decrypted, nil
}

// Package gobconverter is a data converter with another encoding than JSON, for tests.
package gobconverter

import (
	"bytes"
	"encoding/gob"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

const encoding = "binary/gob"

// New returns a data converter that encodes every value as encoding/gob does: what is not exported
// is left out.
func New() converter.DataConverter {
	return converter.NewCompositeDataConverter(converter.NewNilPayloadConverter(), payloadConverter{})
}

type payloadConverter struct{}

func (payloadConverter) Encoding() string { return encoding }

func (payloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(value); err != nil {
		return nil, err
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: data.Bytes(),
	}, nil
}

func (payloadConverter) FromPayload(payload *commonpb.Payload, into any) error {
	return gob.NewDecoder(bytes.NewReader(payload.GetData())).Decode(into)
}

func (payloadConverter) ToString(*commonpb.Payload) string { return encoding }

package workflows

// CallInJSON decodes the payload of a signal.
func CallInJSON(data []byte) (call TaskCallback, ok bool) { return callInJSON(data) }

package command_test

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// withoutFile reads nothing of the user's own settings.
func withoutFile(environment ...string) command.Environment {
	return append(command.Environment{"TEMPORAL_CONFIG_FILE=" + os.DevNull}, environment...)
}

func TestTemporalSettingThatCantBeMeantIsNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	toml := func(content string) string {
		file, err := os.CreateTemp(folder, "*.toml")
		require.NoError(t, err)
		defer file.Close()
		_, err = file.WriteString(content)
		require.NoError(t, err)
		return file.Name()
	}
	missing, empty := filepath.Join(folder, "missing"), toml("")
	const (
		address      = "TEMPORAL_ADDRESS, or address in temporal.toml, is "
		takesAddress = ": it takes HOST:PORT of the server's gRPC API, such as localhost:7233"
		key          = "TEMPORAL_API_KEY, or api_key in temporal.toml, has white space or another character that no key has: it takes the key alone"
		pem          = ", which can't be read: it takes the path of a PEM file (no such file or directory)"
		pair         = "only one of the client's certificate (TEMPORAL_TLS_CLIENT_CERT_PATH or …_DATA) and its key (TEMPORAL_TLS_CLIENT_KEY_PATH or …_DATA) is set: set both, or neither"
		header       = " can't be a gRPC header: the name after TEMPORAL_GRPC_META_ takes letters, digits and _, and does not begin with GRPC_"
	)
	tests := map[string]struct {
		environment command.Environment
		message     string
	}{
		"an address without a port":   {withoutFile("TEMPORAL_ADDRESS=temporal"), address + `"temporal"` + takesAddress},
		"an address without a number": {withoutFile("TEMPORAL_ADDRESS=temporal:grpc"), address + `"temporal:grpc"` + takesAddress},
		"a port over 65535":           {withoutFile("TEMPORAL_ADDRESS=temporal:72333"), address + `"temporal:72333"` + takesAddress},
		"an address with http":        {withoutFile("TEMPORAL_ADDRESS=http://localhost:7233"), address + `"http://localhost:7233"` + takesAddress},
		"an address with https":       {withoutFile("TEMPORAL_ADDRESS=https://temporal"), address + `"https://temporal"` + takesAddress},
		"an address with a path":      {withoutFile("TEMPORAL_ADDRESS=localhost:7233/"), address + `"localhost:7233/"` + takesAddress},
		"an address with a line end":  {withoutFile("TEMPORAL_ADDRESS=localhost:7233\n"), address + `"localhost:7233\n"` + takesAddress},
		"a bare IPv6 address":         {withoutFile("TEMPORAL_ADDRESS=::1"), address + `"::1"` + takesAddress},
		"a profile's address": {command.Environment{"TEMPORAL_CONFIG_FILE=" + toml("[profile.default]\naddress = \"temporal\"")},
			address + `"temporal"` + takesAddress},
		"TLS, maybe":                {withoutFile("TEMPORAL_TLS=maybe"), `TEMPORAL_TLS is "maybe": it takes true or false`},
		"TLS, yes":                  {withoutFile("TEMPORAL_TLS=yes"), `TEMPORAL_TLS is "yes": it takes true or false`},
		"host verification, off":    {withoutFile("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION=on"), `TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is "on": it takes true or false`},
		"a key with a line end":     {withoutFile("TEMPORAL_API_KEY=topsecret\n"), key},
		"a key with its scheme":     {withoutFile("TEMPORAL_API_KEY=Bearer topsecret"), key},
		"a certificate that is not": {withoutFile("TEMPORAL_TLS_CLIENT_CERT_PATH=" + missing), `TEMPORAL_TLS_CLIENT_CERT_PATH, or tls.client_cert_path in temporal.toml, is "` + missing + `"` + pem},
		"a client's key that is not": {withoutFile("TEMPORAL_TLS_CLIENT_KEY_PATH=" + missing),
			`TEMPORAL_TLS_CLIENT_KEY_PATH, or tls.client_key_path in temporal.toml, is "` + missing + `"` + pem},
		"an authority that is not": {withoutFile("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + missing),
			`TEMPORAL_TLS_SERVER_CA_CERT_PATH, or tls.server_ca_cert_path in temporal.toml, is "` + missing + `"` + pem},
		"a certificate alone":      {withoutFile("TEMPORAL_TLS_CLIENT_CERT_PATH=" + empty), pair},
		"a client's key alone":     {withoutFile("TEMPORAL_TLS_CLIENT_KEY_DATA=x"), pair},
		"an authority twice":       {withoutFile("TEMPORAL_TLS_SERVER_CA_CERT_PATH="+empty, "TEMPORAL_TLS_SERVER_CA_CERT_DATA=x"), "TEMPORAL_TLS_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_CA_CERT_DATA are both set: set one of them"},
		"an empty authority":       {withoutFile("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + empty), "TEMPORAL_TLS_*, or tls in temporal.toml: invalid TLS config: failed adding server CA to CA pool"},
		"a missing profile":        {command.Environment{"TEMPORAL_CONFIG_FILE=" + empty, "TEMPORAL_PROFILE=none"}, `TEMPORAL_PROFILE is "none": it takes the name of a profile in ` + empty + `, which has no such profile`},
		"a missing file":           {command.Environment{"TEMPORAL_CONFIG_FILE=" + missing}, `TEMPORAL_CONFIG_FILE is "` + missing + `", which can't be read: it takes the path of a temporal.toml (no such file or directory)`},
		"a folder as a file":       {command.Environment{"TEMPORAL_CONFIG_FILE=" + folder}, `TEMPORAL_CONFIG_FILE is "` + folder + `", which can't be read: it takes the path of a temporal.toml (is a directory)`},
		"a header without a name":  {withoutFile("TEMPORAL_GRPC_META_=x"), "TEMPORAL_GRPC_META_" + header},
		"a header of another form": {withoutFile("TEMPORAL_GRPC_META_A B=x"), "TEMPORAL_GRPC_META_A B" + header},
		"a header that is gRPC's":  {withoutFile("TEMPORAL_GRPC_META_GRPC_TIMEOUT=1S"), "TEMPORAL_GRPC_META_GRPC_TIMEOUT" + header},
		"a header with a line end": {withoutFile("TEMPORAL_GRPC_META_TENANT=a\nb"), "TEMPORAL_GRPC_META_TENANT has a line end or another control character: it takes a header's value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := command.ClientOptions(test.environment)
			require.EqualError(t, err, test.message)
			require.NotContains(t, err.Error(), "topsecret")
			_, err = command.WorkerClientOptions(test.environment)
			require.EqualError(t, err, test.message, "a worker's")
		})
	}
}

func TestFileThatIsNotTOMLIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte("address: localhost"), 0o600))
	_, err := command.ClientOptions(command.Environment{"TEMPORAL_CONFIG_FILE=" + file})
	require.ErrorContains(t, err, "the Temporal settings in "+file+": ")
	require.NotContains(t, err.Error(), "\n")
}

func TestTemporalSettings(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"temporal:7233", "[::1]:7233", "127.0.0.1:7233", "dns:///temporal:7233", "unix:/run/temporal.sock"} {
		options, err := command.ClientOptions(withoutFile("TEMPORAL_ADDRESS="+address, "TEMPORAL_NAMESPACE=captchas"))
		require.NoError(t, err)
		require.Equal(t, address, options.HostPort)
		require.Equal(t, "captchas", options.Namespace)
		require.Nil(t, options.ConnectionOptions.TLS)
	}
	options, err := command.ClientOptions(withoutFile("TEMPORAL_ADDRESS="))
	require.NoError(t, err)
	require.Equal(t, "localhost:7233", options.HostPort)
	require.Equal(t, "default", options.Namespace)

	options, err = command.ClientOptions(withoutFile("TEMPORAL_API_KEY=key", "TEMPORAL_TLS=false"))
	require.NoError(t, err)
	require.Nil(t, options.ConnectionOptions.TLS)
	require.True(t, options.ConnectionOptions.TLSDisabled, "a key must not turn TLS on again")

	options, err = command.ClientOptions(withoutFile("TEMPORAL_TLS=TRUE", "TEMPORAL_TLS_SERVER_NAME=temporal"))
	require.NoError(t, err)
	require.Equal(t, "temporal", options.ConnectionOptions.TLS.ServerName)
}

func TestEmptyTLSVariableIsNoTLS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"TEMPORAL_TLS", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_SERVER_CA_CERT_DATA", "TEMPORAL_TLS_SERVER_NAME"} {
		options, err := command.ClientOptions(withoutFile(name + "="))
		require.NoError(t, err)
		require.Nil(t, options.ConnectionOptions.TLS, name)
	}
}

func TestServerThatDoesNotFitTheSettingsSaysWhichOne(t *testing.T) {
	t.Parallel()
	quietServer := func() *httptest.Server {
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.EnableHTTP2 = true
		t.Cleanup(server.Close)
		return server
	}
	clear, encrypted := quietServer(), quietServer()
	clear.Start()
	encrypted.StartTLS()
	tests := map[string]struct {
		server      *httptest.Server
		environment []string
		message     string
	}{
		"a key and a server without TLS": {clear, []string{"TEMPORAL_API_KEY=key"},
			"TLS is on, by TEMPORAL_API_KEY or TEMPORAL_TLS_*, and the server has none: set TEMPORAL_TLS=false, or TEMPORAL_ADDRESS to a server with TLS ("},
		"TLS and a server without it": {clear, []string{"TEMPORAL_TLS=true"},
			"TLS is on, by TEMPORAL_API_KEY or TEMPORAL_TLS_*, and the server has none: set TEMPORAL_TLS=false, or TEMPORAL_ADDRESS to a server with TLS ("},
		"another port": {clear, nil,
			"its port does not answer as gRPC without TLS does: set TEMPORAL_TLS=true if the server has TLS, or TEMPORAL_ADDRESS to the port of its gRPC API ("},
		"a server with TLS": {encrypted, nil,
			"its port does not answer as gRPC without TLS does: set TEMPORAL_TLS=true if the server has TLS, or TEMPORAL_ADDRESS to the port of its gRPC API ("},
		"an unknown authority": {encrypted, []string{"TEMPORAL_TLS=true"},
			"its certificate can't be verified: set TEMPORAL_TLS_SERVER_CA_CERT_PATH to its authority's certificate, or TEMPORAL_TLS_SERVER_NAME to the name in it ("},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address := test.server.Listener.Addr().String()
			options, err := command.ClientOptions(withoutFile(append(test.environment, "TEMPORAL_ADDRESS="+address)...))
			require.NoError(t, err)
			_, err = command.Dial(t.Context(), options)
			require.ErrorContains(t, err, "the Temporal server at "+address+" can't be reached: "+test.message)
		})
	}
}

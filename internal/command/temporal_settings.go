package command

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

const (
	profileVariable    = "TEMPORAL_PROFILE"
	configFileVariable = "TEMPORAL_CONFIG_FILE"
	grpcMetaPrefix     = "TEMPORAL_GRPC_META_"
)

// loadProfile reads TEMPORAL_* and temporal.toml. An error names the variable that is wrong and
// says what it takes: envconfig ignores a part of what it does not understand.
func loadProfile(environment Environment) (envconfig.ClientConfigProfile, error) {
	environment = withoutEmptyTLS(environment)
	for _, check := range []func(Environment) error{checkBooleans, checkConfigFile, checkGRPCMeta} {
		if err := check(environment); err != nil {
			return envconfig.ClientConfigProfile{}, err
		}
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: environment})
	if err != nil {
		return envconfig.ClientConfigProfile{}, explainProfile(environment, err)
	}
	if err := checkAddress(profile.Address); err != nil {
		return envconfig.ClientConfigProfile{}, err
	}
	return profile, checkAPIKey(profile.APIKey)
}

// clientOptionsOf returns what the profile says of the connection.
func clientOptionsOf(profile envconfig.ClientConfigProfile) (client.Options, error) {
	if profile.TLS != nil && !profile.TLS.Disabled {
		if err := checkCertificates(*profile.TLS); err != nil {
			return client.Options{}, err
		}
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("TEMPORAL_TLS_*, or tls in temporal.toml: %w", err)
	}
	return options, nil
}

// withoutEmptyTLS leaves out TLS variables that are empty, for which envconfig would turn TLS on.
func withoutEmptyTLS(environment Environment) Environment {
	return slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return value == "" && strings.HasPrefix(name, "TEMPORAL_TLS")
	})
}

func checkBooleans(environment Environment) error {
	for _, name := range []string{"TEMPORAL_TLS", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"} {
		switch value := environment.Getenv(name); strings.ToLower(value) {
		case "", "1", "0", "true", "false":
		default:
			return fmt.Errorf("%s is %q: it takes true or false", name, value)
		}
	}
	return nil
}

// checkConfigFile refuses a file that was named and isn't there. envconfig goes on without it.
func checkConfigFile(environment Environment) error {
	path := environment.Getenv(configFileVariable)
	if path == "" {
		return nil
	}
	if _, err := os.ReadFile(path); err != nil {
		return fmt.Errorf("%s is %q, which can't be read: it takes the path of a temporal.toml (%w)",
			configFileVariable, path, withoutPath(err))
	}
	return nil
}

func checkGRPCMeta(environment Environment) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-."
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		key, isMeta := strings.CutPrefix(name, grpcMetaPrefix)
		if !isMeta || value == "" {
			continue
		}
		key = envconfig.NormalizeGRPCMetaKey(key)
		if key == "" || strings.Trim(key, letters) != "" || strings.HasPrefix(key, "grpc-") {
			return fmt.Errorf("%s can't be a gRPC header: the name after %s takes letters, digits and _, and does not begin with GRPC_",
				name, grpcMetaPrefix)
		}
		if !isHeaderValue(value) {
			return fmt.Errorf("%s has a line end or another control character: it takes a header's value", name)
		}
	}
	return nil
}

// explainProfile names the variable or the file for which envconfig found no profile.
func explainProfile(environment Environment, err error) error {
	file := environment.Getenv(configFileVariable)
	if file == "" {
		file = envconfig.DefaultConfigFilePath()
	}
	if name := environment.Getenv(profileVariable); strings.Contains(err.Error(), "unable to find profile") {
		return fmt.Errorf("%s is %q: it takes the name of a profile in %s, which has no such profile", profileVariable, name, file)
	}
	return fmt.Errorf("the Temporal settings in %s: %w", file, err)
}

// checkAddress accepts HOST:PORT, and what else gRPC takes.
func checkAddress(address string) error {
	for _, scheme := range []string{"dns:", "passthrough:", "unix:", "unix-abstract:", "ipv4:", "ipv6:"} {
		if strings.HasPrefix(address, scheme) {
			return nil
		}
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if address == "" || err == nil && !strings.ContainsAny(address, "/ \t\r\n") {
		return nil
	}
	return fmt.Errorf("TEMPORAL_ADDRESS, or address in temporal.toml, is %q: "+
		"it takes HOST:PORT of the server's gRPC API, such as localhost:7233", address)
}

func checkAPIKey(key string) error {
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("TEMPORAL_API_KEY, or api_key in temporal.toml, has white space or another character " +
			"that no key has: it takes the key alone")
	}
	return nil
}

// checkCertificates names what envconfig would not.
func checkCertificates(tls envconfig.ClientConfigTLS) error {
	for _, file := range []struct{ name, key, path string }{
		{"TEMPORAL_TLS_CLIENT_CERT_PATH", "client_cert_path", tls.ClientCertPath},
		{"TEMPORAL_TLS_CLIENT_KEY_PATH", "client_key_path", tls.ClientKeyPath},
		{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", "server_ca_cert_path", tls.ServerCACertPath},
	} {
		if file.path == "" {
			continue
		}
		if _, err := os.ReadFile(file.path); err != nil {
			return fmt.Errorf("%s, or tls.%s in temporal.toml, is %q, which can't be read: it takes the path of a PEM file (%w)",
				file.name, file.key, file.path, withoutPath(err))
		}
	}
	hasCertificate, hasKey := tls.ClientCertPath != "" || len(tls.ClientCertData) > 0, tls.ClientKeyPath != "" || len(tls.ClientKeyData) > 0
	switch {
	case hasCertificate != hasKey:
		return errors.New("only one of the client's certificate (TEMPORAL_TLS_CLIENT_CERT_PATH or …_DATA) and its key " +
			"(TEMPORAL_TLS_CLIENT_KEY_PATH or …_DATA) is set: set both, or neither")
	case tls.ServerCACertPath != "" && len(tls.ServerCACertData) > 0:
		return errors.New("TEMPORAL_TLS_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_CA_CERT_DATA are both set: set one of them")
	}
	return nil
}

func isHeaderValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

package provider_test

import (
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

// A config is checked when it is used; os.Getenv is what a process passes.
func ExampleConfigFromEnvironment() {
	environment := map[string]string{provider.APIURLVariable: "http://api.2captcha.com", provider.ClientKeyVariable: "key"}
	config := provider.ConfigFromEnvironment(func(name string) string { return environment[name] })
	_, err := provider.NewPlugin(config)
	fmt.Println(err)
	// Output: temporal-2captcha: twocaptcha: URL http://api.2captcha.com would send the client key in the clear: use https://, since http:// is for loopback hosts only
}

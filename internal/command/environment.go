package command

import "strings"

// Environment is a process's environment, as os.Environ gives it. It is an envconfig.EnvLookup.
type Environment []string

func (e Environment) Environ() []string { return e }

func (e Environment) LookupEnv(name string) (string, bool) {
	if name == "" { // Windows has variables without a name, for the folder of each drive
		return "", false
	}
	for _, entry := range e {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// Getenv returns the variable's value, or "" if it is not set.
func (e Environment) Getenv(name string) string {
	value, _ := e.LookupEnv(name)
	return value
}

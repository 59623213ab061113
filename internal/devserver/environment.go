package devserver

import "strings"

// environmentWithout is the environment, as os.Environ gives it, less the variables whose names begin with a prefix.
func environmentWithout(environment []string, prefixes ...string) []string {
	var kept []string
	for _, variable := range environment {
		if !hasAnyPrefix(variable, prefixes) {
			kept = append(kept, variable)
		}
	}
	return kept
}

func hasAnyPrefix(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

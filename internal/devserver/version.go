package devserver

import (
	"regexp"
	"strconv"
)

// version is the three numbers of a version, and whether it is a prerelease of that version.
type version struct {
	numbers    [3]int
	prerelease bool
}

var versionPattern = regexp.MustCompile(`\bv?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?`)

// parseVersion finds the first version in the text, as in "temporal version 1.5.1 (Server 1.29.1,
// UI 2.42.1)".
func parseVersion(text string) (version, bool) {
	match := versionPattern.FindStringSubmatch(text)
	if match == nil {
		return version{}, false
	}
	var v version
	for i := range v.numbers {
		// At most nine digits always fit.
		v.numbers[i], _ = strconv.Atoi(match[i+1])
	}
	v.prerelease = match[4] != ""
	return v, true
}

// atLeast reports whether v is the other version or a later one.
func (v version) atLeast(other version) bool {
	for i := range v.numbers {
		if v.numbers[i] != other.numbers[i] {
			return v.numbers[i] > other.numbers[i]
		}
	}
	return !v.prerelease || other.prerelease
}

package main

import (
	"regexp"
	"strings"
)

const (
	negationAdvice  = `say "is not a …", "must be a …" or "no such …"`
	conditionAdvice = `"where" is for places: say "if" or "when"`
)

var (
	negation = regexp.MustCompile(`(?i)\b(?:is|are|was|were|be|been)\s+(?:none\b|no\s+\w+)`)
	// beforeExistence ends what comes before the verb in "there is no", "there may be no".
	beforeExistence = regexp.MustCompile(`(?i)\bthere(?:\s+[\w']+){0,2}\s*$`)
	// comparison is not a negation: "is no longer", "are no more than".
	comparison = regexp.MustCompile(`(?i)\sno\s+(?:longer|more|less|fewer|later|earlier|sooner|better|worse|larger|smaller)$`)
)

// conditions are the uses of "where" for a condition.
var conditions = []*regexp.Regexp{
	// A clause at the beginning of a sentence, which a comma separates from the main clause.
	regexp.MustCompile(`(?:^|[.:;!?|)]\s+|\n\n)\s*(?:[-*]\s+)?(?:Where|where)\s[^.;:!?|]*?,\s+` +
		`(?:it|they|the|a|an|this|that|these|those|there|its|no|nothing|nobody|one|all|each|every|you|use|put|set|send)\b`),
	// An elliptic clause, or one about existence.
	regexp.MustCompile(`(?i)\bwhere\s+(?:missing|possible|necessary|needed|applicable|known|given|set|unset|allowed|absent|` +
		`present|available|required|appropriate|no|none|nothing|nobody|neither|there|one\s+(?:is|was|has)|any)\b`),
	regexp.MustCompile(`(?i)\b(?:also|even|only|except|alone)\s+where\b`),
	// A value or an event that a condition explains.
	regexp.MustCompile(`(?:\b(?:nil|zero|empty|false|true|[0-9]+|nothing|none|errors?|fails|panics)|"")\s+where\b`),
	regexp.MustCompile(`(?i)\bwhere\s+(?:it|they|that|this|there|these|those)\s+(?:isn't|aren't|wasn't|can't|cannot|can|has\s+to|` +
		`have\s+to|fails|failed|doesn't|didn't|needn't|must|would|is\s+not|are\s+not|was\s+not|is\s+missing|is\s+set|is\s+known|ended)\b`),
	afterComma,
}

// afterComma is also a place if its first group is one.
var afterComma = regexp.MustCompile(`(\w+)["')]*,\s+where\s+(?:it|they|that|this|these|those)\s+(?:is|are|was|were|has|have|had|` +
	`lives?|lived|ends?|means?|meant|needs?|knows?|does|did|may|might)\b`)

var places = regexp.MustCompile(`(?i)^(?:folders?|files?|cache|history|lines?|tables?|lists?|pages?|places?|map|memory|queue|` +
	`servers?|process|hosts?|database|archive|fields?|UI|header|body|texts?|logs?|memo|summary|registry|path|cluster|` +
	`namespace|section|column|row|package|repository|clone|environment|module)$`)

// quotation is what somebody else says, or code. It stays within a paragraph.
var quotation = regexp.MustCompile("`[^`]*`" + `|"(?:[^"\n]|\n[^"\n])*"`)

// checkProse checks a text, whose first line has the given number in the file.
func checkProse(file, text string, firstLine int) []finding {
	original := text
	text = maskQuotations(text)
	var findings []finding
	add := func(start, end int, advice string) {
		findings = append(findings, finding{
			file:    file,
			line:    firstLine + strings.Count(text[:start], "\n"),
			excerpt: excerpt(original[start:], end-start),
			advice:  advice,
		})
	}
	for _, match := range negation.FindAllStringIndex(text, -1) {
		start, end := match[0], match[1]
		if !beforeExistence.MatchString(text[:start]) && !comparison.MatchString(text[start:end]) {
			add(start, end, negationAdvice)
		}
	}
	reported := map[int]bool{} // by the offset of "where"
	for _, condition := range conditions {
		for _, match := range condition.FindAllStringSubmatchIndex(text, -1) {
			if condition == afterComma && places.MatchString(text[match[2]:match[3]]) {
				continue
			}
			start := match[0] + strings.Index(strings.ToLower(text[match[0]:match[1]]), "where")
			if !reported[start] {
				reported[start] = true
				add(start, match[1], conditionAdvice)
			}
		}
	}
	return findings
}

// excerpt is the beginning of the text, of that many bytes at least, up to the end of a word.
func excerpt(text string, size int) string {
	words := strings.Fields(text)
	atLeast := max(len(strings.Fields(text[:size])), 4)
	return strings.Join(words[:min(len(words), atLeast)], " ")
}

// maskQuotations replaces what stands within quotation marks, so that it matches no rule, and keeps
// the marks and the lines.
func maskQuotations(text string) string {
	return quotation.ReplaceAllStringFunc(text, func(quoted string) string {
		masked := []byte(quoted)
		for i := 1; i < len(masked)-1; i++ {
			if masked[i] != '\n' {
				masked[i] = '_'
			}
		}
		return string(masked)
	})
}

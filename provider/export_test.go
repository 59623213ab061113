package provider

// AnswerOf is for tests of runs that a server hardly ever has.
var AnswerOf = answerOf

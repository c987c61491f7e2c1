package mcollective

import (
	"go/ast"
	"regexp"
	"testing"
)

// Names that said in a private dialect what the field has a word for; each beside the
// word that is used now.
var formerNames = map[string]string{
	"errand": "invocation", "halt": "exitStatus", "lesson": "completions", "teach": "remember",
	"speakable": "shellSafe", "inquiry": "fixedQuery", "rubies": "rubyAgents", "crowd": "nodeSet", "nobodyAtAll": "explainNoReplies",
	"books": "tracker", "noes": "declined", "deaf": "expectsReplies", "excuse": "timeoutOutcome", "roster": "agentSet",
	"namedMe": "addressedByName", "Muffled": "LogsSuppressed", "Prompter": "InlineAgent", "prompter": "credentialPrompt",
	"strike": "signalAll", "bury": "reap", "twirl": "spinner", "advise": "warnings",
}

// formerPhrases are such phrases of comments. Go's are "reports whether" and "returns".
var formerPhrases = regexp.MustCompile(`(?i)\bwhoever\b|\btells whether\b|^// \w+ says whether\b|on its tongue|last words`)

// The code uses the field's words, and each always for the same thing.
func TestNamesAndComments(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && formerNames[id.Name] != "" {
				t.Errorf("%s: %s is called %s now", s.set.Position(id.Pos()), id.Name, formerNames[id.Name])
			}
			return true
		})
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if phrase := formerPhrases.FindString(c.Text); phrase != "" {
					t.Errorf("%s: %q: say it in the field's words", s.set.Position(c.Pos()), phrase)
				}
			}
		}
	}
}

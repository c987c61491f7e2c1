package filter

import (
	"errors"
	"strings"
)

// Check tells what in the filter the nodes of this project, which evaluate
// regular expressions in linear time and bounded space, will not evaluate, so
// that none of them will match. It is nil when there is nothing to tell. Ruby
// nodes may still match, so a client had better warn than refuse.
func (f *Filter) Check() error {
	var problems []error
	if n := f.terms(); n > MaxTerms {
		problems = append(problems, errTooManyTerms(n))
	}
	check := func(kind, text string, key matcherKey) {
		if m := matchers.get(key); m.err != nil {
			problems = append(problems, within(kind, text, m.err))
		}
	}
	patterns := func(kind string, list []Pattern) {
		for i := range list {
			if source, ok := list[i].source(); ok {
				check(kind, list[i].Text, list[i].key(source))
			}
		}
	}
	for _, t := range f.Facts {
		if t.Operator == "=~" {
			check("fact", t.Name, matcherKey{text: regexpSource(t.Value)})
		}
	}
	patterns("class", f.Classes)
	patterns("agent", f.Agents)
	patterns("identity", f.Identities)
	for _, c := range f.Compound {
		for _, t := range c {
			switch {
			case t.Kind == Call && t.Call != nil && strings.HasSuffix(t.Call.Operator, "=~"):
				check("data plugin", t.Call.Name, matcherKey{text: t.Call.Compare.Text, options: t.Call.Compare.Options & 7})
			case t.Kind == Statement:
				s, err := splitStatement(t.Text)
				switch {
				case err != nil:
					problems = append(problems, within("statement", t.Text, err))
				case s.operator == "=~":
					check("fact", s.name, matcherKey{text: regexpSource(s.value)})
				case s.operator == "":
					patterns("class", []Pattern{{Text: s.name}})
				}
			}
		}
	}
	return errors.Join(problems...)
}

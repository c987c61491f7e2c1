package filter

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// NeedsData reports whether the expression calls a data plugin.
func (c Compound) NeedsData() bool {
	for i := range c {
		if c[i].Kind == Call {
			return true
		}
	}
	return false
}

func (c Compound) terms() int {
	n := 0
	for i := range c {
		if c[i].Kind == Call || c[i].Kind == Statement {
			n++
		}
	}
	return n
}

// compound evaluates an expression: ! before && before ||. As on a Ruby node
// every term is evaluated, so one that cannot be makes the whole not match,
// whatever the others say; a term counted as false would make its negation true.
func (e *evaluation) compound(ctx context.Context, c Compound) (bool, error) {
	if len(c) == 0 {
		return false, nil
	}
	if err := wellFormed(c); err != nil {
		return false, fmt.Errorf("compound filter: %w", err)
	}
	w := walker{evaluation: *e, ctx: ctx, terms: c}
	ok := w.or()
	e.left = w.left
	if w.err != nil {
		return false, fmt.Errorf("compound filter: %w", w.err)
	}
	return ok, nil
}

// wellFormed checks the order of the terms, before any of them is evaluated.
func wellFormed(c Compound) error {
	if len(c) > MaxTokens {
		return fmt.Errorf("it has %d tokens, more than %d", len(c), MaxTokens)
	}
	depth, operand := 0, false // operand: one was just read
	for i := range c {
		t := &c[i]
		wantsOperand := false
		switch t.Kind {
		case Statement:
			wantsOperand = true
		case Call:
			if wantsOperand = true; t.Call == nil {
				return fmt.Errorf("term %d is a call of nothing", i+1)
			}
		case Not, Open:
			if operand {
				return fmt.Errorf("term %d, %s, is not preceded by an operator", i+1, shown(string(t.Kind)))
			}
			if t.Kind == Open {
				depth++
			}
		case And, Or, Close:
			if !operand {
				return fmt.Errorf("term %d, %s, is not preceded by anything it could apply to", i+1, shown(string(t.Kind)))
			}
			if operand = t.Kind == Close; operand {
				depth--
			}
		default:
			return fmt.Errorf("term %d is of the unknown kind %s", i+1, shown(string(t.Kind)))
		}
		if wantsOperand {
			if operand {
				return fmt.Errorf("term %d is not preceded by an operator", i+1)
			}
			operand = true
		}
		if depth < 0 || depth > MaxDepth {
			return fmt.Errorf("the parentheses at term %d are not balanced or deeper than %d", i+1, MaxDepth)
		}
	}
	if depth != 0 {
		return errors.New("a parenthesis is not closed")
	}
	if !operand {
		return errors.New("it ends with an operator")
	}
	return nil
}

// A walker goes through well-formed terms. Its recursion is bounded by their
// parentheses.
type walker struct {
	evaluation // a copy, which keeps the original off the heap
	ctx        context.Context
	terms      Compound
	next       int
	err        error // of the first term that could not be evaluated
}

func (w *walker) or() bool {
	value := w.and()
	for w.err == nil && w.next < len(w.terms) && w.terms[w.next].Kind == Or {
		w.next++
		right := w.and()
		value = value || right
	}
	return value
}

func (w *walker) and() bool {
	value := w.operand()
	for w.err == nil && w.next < len(w.terms) && w.terms[w.next].Kind == And {
		w.next++
		right := w.operand()
		value = value && right
	}
	return value
}

func (w *walker) operand() bool {
	negated := false
	for w.terms[w.next].Kind == Not {
		negated = !negated
		w.next++
	}
	t := &w.terms[w.next]
	w.next++
	var value bool
	switch t.Kind {
	case Open:
		value = w.or()
		w.next++ // the closing one
	case Call:
		value, w.err = w.call(w.ctx, t.Call)
	default:
		value, w.err = w.statement(t.Text)
	}
	return value != negated
}

func (e *evaluation) statement(text string) (bool, error) {
	s, err := splitStatement(text)
	switch {
	case err != nil:
		return false, within("statement", text, err)
	case s.operator == "":
		return e.class(&Pattern{Text: s.name})
	}
	return e.fact(s.name, s.operator, s.value)
}

// call runs a data plugin and compares its output. Whatever keeps the plugin
// from answering is an error: were it false, "not f().x=y" would match exactly
// the nodes that cannot tell.
func (e *evaluation) call(ctx context.Context, f *Function) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	query := ""
	if f.Params != nil {
		query = fmt.Sprint(f.Params)
	}
	if strings.Contains(query, "`") {
		return false, nil
	}
	outputs, err := e.node.Data(ctx, f.Name, query)
	if err != nil {
		return false, fmt.Errorf("data plugin %s: %w", shown(f.Name), err)
	}
	ok, err := e.compareOutput(outputs[f.Output], f)
	if err != nil {
		return false, fmt.Errorf("data plugin %s: output %s: %w", shown(f.Name), shown(f.Output), err)
	}
	return ok, nil
}

// compareOutput compares by the type of the output. One that is missing never
// matches.
func (e *evaluation) compareOutput(output any, f *Function) (bool, error) {
	operator := strings.TrimSpace(f.Operator)
	switch operator {
	case "=":
		operator = "=="
	case "==", "!=", "<", ">", "<=", ">=", "=~", "!=~":
	default:
		return false, fmt.Errorf("there is no operator %s", shown(f.Operator))
	}
	text, isText := output.(string)
	if operator == "=~" || operator == "!=~" {
		if !isText {
			return false, nil
		}
		ok, err := e.matchRegexp(matcherKey{text: f.Compare.Text, options: f.Compare.Options & 7}, text)
		return err == nil && ok == (operator == "=~"), err
	}
	if f.Compare.Regexp {
		return false, fmt.Errorf("a regular expression does not go with the operator %s", operator)
	}
	right := trimSpace(f.Compare.Text)
	unordered := operator == "==" || operator == "!="
	switch v := output.(type) {
	case string:
		return unordered && (v == f.Compare.Text) == (operator == "=="), nil
	case bool:
		if unordered && right != "true" && right != "false" {
			return false, fmt.Errorf("%s is neither true nor false", shown(right))
		}
		return unordered && (v == (right == "true")) == (operator == "=="), nil
	}
	left, ok := outputNumber(output)
	if !ok {
		return false, nil
	}
	other, ok := rubyInteger(right)
	if !ok {
		other, ok = rubyFloat(right)
	}
	if !ok {
		return false, fmt.Errorf("%s is not a number", shown(right))
	}
	return ordered(left.compare(other), operator), nil
}

func outputNumber(output any) (number, bool) {
	switch v := output.(type) {
	case int64:
		return number{small: v}, true
	case int:
		return number{small: int64(v)}, true
	case float64:
		return number{isFloat: true, float: v}, v == v
	}
	return number{}, false
}

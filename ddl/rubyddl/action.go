package rubyddl

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mcollective/ddl"
	"mcollective/ddl/internal/ruby"
	"mcollective/value"
)

func (r *reader) beginAction(c *ruby.Call) error {
	if err := r.become(ddl.Agent, c); err != nil {
		return err
	}
	h, err := properties(c, 1)
	if err != nil {
		return err
	}
	name := c.Text(c.Args[0])
	if err := h.need("action "+name, "description"); err != nil {
		return err
	}
	a := r.def.Action(name)
	if a == nil {
		a = &ddl.Action{Name: name, Description: h.text("description"), Display: ddl.DisplayFailed, OtherInputs: true}
		r.def.Actions = append(r.def.Actions, a)
	}
	r.within(a, c)
	return nil
}

// within runs the block of c about an action.
func (r *reader) within(a *ddl.Action, c *ruby.Call) {
	r.action = a
	defer func() { r.action = nil }() // as in Ruby, where an action inside another ends that
	c.Yield()
}

func (r *reader) dataquery(c *ruby.Call) error {
	if err := r.become(ddl.Data, c); err != nil {
		return err
	}
	h, err := properties(c, 0)
	if err != nil {
		return err
	}
	if !h.has("description") {
		return errors.New("data queries need a :description")
	}
	if r.def.Query != nil {
		return errors.New("data queries can only have one definition")
	}
	r.def.Query = &ddl.Action{Name: "data", Description: h.text("description")}
	r.within(r.def.Query, c)
	return nil
}

func (r *reader) discovery(c *ruby.Call) error {
	if r.def.Kind == ddl.Discovery {
		return errors.New("discovery plugins can only have one definition")
	}
	if err := r.become(ddl.Discovery, c); err != nil {
		return err
	}
	r.discovering = true
	c.Yield()
	return nil
}

func (r *reader) capabilities(c *ruby.Call) error {
	if !r.discovering {
		return errors.New("capabilities stands outside of a discovery block")
	}
	var all []any
	for _, a := range c.Args {
		if list, ok := c.Plain(a).([]any); ok {
			all = append(all, list...)
		} else {
			all = append(all, c.Plain(a))
		}
	}
	if len(all) == 0 {
		return errors.New("discovery plugin capabilities can't be empty")
	}
	for _, v := range all {
		name, ok := v.(value.Symbol)
		if !ok || !slices.Contains([]value.Symbol{"classes", "facts", "identity", "agents", "compound"}, name) {
			return fmt.Errorf("%v is not a valid capability, valid capabilities are :classes, :facts, :identity, :agents and :compound", v)
		}
		r.def.Capabilities = append(r.def.Capabilities, string(name))
	}
	return nil
}

// inside refuses a word that stands outside of what it is about.
func (r *reader) inside(c *ruby.Call) error {
	if r.action != nil {
		return nil
	}
	return fmt.Errorf("%s stands outside of an action or dataquery block", c.Name)
}

func (r *reader) input(c *ruby.Call) error {
	h, err := properties(c, 1)
	if err != nil {
		return err
	}
	name := c.Text(c.Args[0])
	if r.def.Kind == ddl.Data && c.Args[0] != ruby.Symbol("query") {
		return fmt.Errorf("the only valid input name for a data query is 'query', not %s", c.Inspect(c.Args[0]))
	}
	required := []string{"prompt", "description", "type"}
	if r.def.Kind != ddl.Data {
		required = append([]string{"optional"}, required...)
	}
	if err := r.inside(c); err != nil {
		return err
	}
	if err := h.need("input "+name, required...); err != nil {
		return err
	}
	in := &ddl.Input{
		Name: name, Prompt: h.text("prompt"), Description: h.text("description"), Type: ddl.Type(h.text("type")),
		Optional: h.truth("optional"), Default: h.plain("default"),
	}
	switch h.get("type") {
	case ruby.Symbol("string"):
		if err := h.need("input "+name+" of type :string", "validation", "maxlength"); err != nil {
			return err
		}
		if in.MaxLength, err = maxLength(h.plain("maxlength")); err != nil {
			return fmt.Errorf("the :maxlength of input %s is %s: %w", name, h.text("maxlength"), err)
		}
		in.Validation = validation(c, h.get("validation"))
	case ruby.Symbol("list"):
		if err := h.need("input "+name+" of type :list", "list"); err != nil {
			return err
		}
		list, ok := h.plain("list").([]any)
		if !ok {
			return fmt.Errorf("the :list of input %s is %s, not a list: write [\"a\", \"b\"]", name, c.Inspect(h.get("list")))
		}
		in.List = list
	}
	replace(&r.action.Inputs, in, func(o *ddl.Input) bool { return o.Name == name })
	return nil
}

// replace puts v in the place of the one that is the same, or at the end.
func replace[T any](all *[]T, v T, same func(T) bool) {
	if i := slices.IndexFunc(*all, same); i >= 0 {
		(*all)[i] = v
		return
	}
	*all = append(*all, v)
}

// maxLength returns a :maxlength; what is no number counts as Ruby's to_i has it.
func maxLength(v any) (int, error) {
	var n float64
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		n = float64(v)
	case float64:
		n = math.Trunc(v)
	case string:
		i, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return 0, errors.New("a number is needed")
		}
		n = float64(i)
	default:
		return 0, errors.New("a number is needed")
	}
	if !(n >= 0 && n <= math.MaxInt32) {
		return 0, errors.New("it must lie between 0 and 2147483647; 0 means no limit")
	}
	return int(n), nil
}

// validation returns how Ruby judges with a value of :validation.
func validation(c *ruby.Call, v any) ddl.Validation {
	switch v := v.(type) {
	case ruby.Symbol:
		return ddl.Validation{Validator: string(v)}
	case *ruby.Array:
		return ddl.Validation{List: c.Plain(v).([]any)}
	case ruby.Class:
		return ddl.Validation{Class: string(v)}
	case *ruby.String:
		return ddl.Validation{Regexp: v.S}
	case *ruby.Regexp:
		return ddl.Validation{Regexp: v.Text()}
	}
	return ddl.Validation{} // Ruby lets anything pass then
}

func (r *reader) output(c *ruby.Call) error {
	h, err := properties(c, 1)
	if err != nil {
		return err
	}
	if err := r.inside(c); err != nil {
		return err
	}
	name := c.Text(c.Args[0])
	if err := h.need("output "+name, "description", "display_as"); err != nil {
		return err
	}
	out := &ddl.Output{Name: name, Description: h.text("description"), DisplayAs: h.text("display_as"), Type: ddl.Type(h.text("type")), Default: h.plain("default")}
	replace(&r.action.Outputs, out, func(o *ddl.Output) bool { return o.Name == name })
	return nil
}

func (r *reader) display(c *ruby.Call) error {
	if len(c.Args) != 1 {
		return fmt.Errorf("display has %d arguments, it takes one of :ok, :failed, :flatten, :always", len(c.Args))
	}
	pref, ok := c.Args[0].(ruby.Symbol)
	if !ok || !slices.Contains([]ruby.Symbol{"ok", "failed", "flatten", "always"}, pref) {
		return fmt.Errorf("display preference %s is not valid, should be :ok, :failed, :flatten or :always", c.Inspect(c.Args[0]))
	}
	if r.action == nil || r.def.Kind != ddl.Agent {
		return errors.New("display stands outside of an action block")
	}
	r.action.Display = ddl.Display(pref)
	return nil
}

func (r *reader) summarize(c *ruby.Call) error {
	if !c.HasBlock() {
		return errors.New("summarize needs a block: summarize do ... end")
	}
	r.summarizing = true
	defer func() { r.summarizing = false }()
	c.Yield()
	return nil
}

func (r *reader) aggregate(c *ruby.Call) error {
	if len(c.Args) == 0 || len(c.Args) > 2 {
		return fmt.Errorf("aggregate has %d arguments, it takes a function, like summary(:output), and perhaps a :format", len(c.Args))
	}
	format := ""
	if len(c.Args) == 2 {
		hash, ok := c.Args[1].(*ruby.Hash)
		h := props{c, hash}
		if !ok {
			return errors.New("formats supplied to aggregation functions should be a hash")
		}
		if !h.has("format") {
			return errors.New("formats supplied to aggregation functions must have a :format key")
		}
		format = h.text("format")
	}
	function, ok := c.Args[0].(*ruby.Hash)
	f := props{c, function}
	if !ok {
		return errors.New("functions supplied to aggregate should be a hash: write `aggregate summary(:output)`")
	}
	if r.action == nil || r.def.Kind != ddl.Agent {
		return errors.New("aggregate stands outside of an action block")
	}
	args, ok := f.get("args").(*ruby.Array)
	if !ok {
		return fmt.Errorf("aggregate method for action '%s' missing a function parameter", r.action.Name)
	}
	s := &ddl.Summary{Function: f.text("function"), Format: format}
	if len(args.Elems) == 0 || len(args.Elems) > 2 {
		return fmt.Errorf("the aggregate function %s has %d arguments, it takes an output and perhaps options", s.Function, len(args.Elems))
	}
	s.Output = c.Text(args.Elems[0])
	if len(args.Elems) == 2 {
		options, ok := args.Elems[1].(*ruby.Hash)
		if !ok {
			return fmt.Errorf("the second argument of the aggregate function %s is %s, it must be options, like :format => \"...\"", s.Function, c.Inspect(args.Elems[1]))
		}
		for i, k := range options.Keys {
			if k == ruby.Symbol("format") {
				s.Format = c.Text(options.Values[i])
				continue
			}
			if s.Options == nil {
				s.Options = map[string]any{}
			}
			s.Options[c.Text(k)] = c.Plain(options.Values[i])
		}
	}
	r.action.Summaries = append(r.action.Summaries, s)
	return nil
}

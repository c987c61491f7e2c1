# What MCollective's own classes for definitions make of .ddl files: one JSON line
# for each path on standard input. Run by TestRubyDifferential.
require "json"
require "mcollective"

config = MCollective::Config.instance
config.instance_variable_set(:@configured, true)
config.instance_variable_set(:@mode, :client)
config.instance_variable_set(:@libdir, $LOAD_PATH.select { |d| File.directory?(File.join(d, "mcollective")) })
def (MCollective::Log).warn(*) end
def (MCollective::Log).debug(*) end
def (MCollective::Util).mcollective_version; "99.0.0"; end # of requirements only the form is compared

def value(v)
  case v
  when Hash   then {"hash" => v.map { |k, x| [value(k), value(x)] }}
  when Array  then v.map { |x| value(x) }
  when Symbol then {"symbol" => v.to_s}
  when Regexp then v.options == 0 ? v.source : v.to_s
  when Module then v.to_s
  when Float  then {"float" => v.to_s}
  else v
  end
end

def validation(v)
  case v
  when Symbol then {"validator" => v.to_s}
  when Array  then {"list" => value(v)}
  when Module then {"class" => v.to_s}
  when String, Regexp then {"regexp" => value(v)}
  else {}
  end
end

def action(name, e)
  {"name" => name.to_s, "description" => e[:description].to_s, "display" => e[:display].to_s,
   "inputs" => e[:input].map { |n, i|
     {"name" => n.to_s, "prompt" => i[:prompt].to_s, "description" => i[:description].to_s, "type" => i[:type].to_s,
      "optional" => !!i[:optional], "default" => value(i[:default]), "validation" => validation(i[:validation]),
      "maxlength" => i[:maxlength].to_i, "list" => value(i[:list])}
   },
   "outputs" => e[:output].map { |n, o|
     {"name" => n.to_s, "description" => o[:description].to_s, "display_as" => o[:display_as].to_s, "default" => value(o[:default])}
   },
   "summaries" => (e[:aggregate] || []).map { |a|
     options = (a[:args][1] || {}).dup # as MCollective::Aggregate takes them apart
     format = options.delete(:format) || a[:format]
     {"function" => a[:function].to_s, "output" => a[:args][0].to_s, "format" => format.to_s,
      "options" => Hash[options.map { |k, v| [k.to_s, value(v)] }]}
   }}
end

def dump(path)
  text = File.read(path)
  kind = if text =~ /^\s*dataquery\b/ then :data elsif text =~ /^\s*discovery\b/ then :discovery else :agent end
  klass = {:data => MCollective::DDL::DataDDL, :discovery => MCollective::DDL::DiscoveryDDL, :agent => MCollective::DDL::AgentDDL}[kind]
  d = klass.new("x", kind, false)
  d.instance_eval(text, path, 1)
  m = d.meta
  out = {"usage" => d.instance_variable_get(:@usage).to_s, "requires" => d.requirements.map { |k, v| [k.to_s, v.to_s] },
         "metadata" => Hash[[:name, :description, :author, :license, :version, :url].map { |k| [k.to_s, m[k].to_s] }],
         "timeout" => m[:timeout].to_f.to_s, "actions" => []}
  case kind
  when :agent     then out["actions"] = d.entities.map { |n, e| action(n, e) }
  when :data      then out["query"] = action("data", d.entities[:data])
  when :discovery then out["capabilities"] = d.entities[:discovery][:capabilities].map(&:to_s)
  end
  out
end

$stdin.each_line do |path|
  begin
    out = dump(path.chomp)
  rescue Exception => e
    out = {"error" => "#{e.class}: #{e.message.lines.first.to_s.chomp}"}
  end
  $stdout.puts JSON.generate(out)
end

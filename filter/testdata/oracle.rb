# Answers questions about filters with the installed Ruby MCollective: one JSON
# array a line on standard input, one JSON value a line on standard output.
#   ["node", {...}]          facts and classes of the node that is asked about
#   ["fact", text]           the triple of -F, or null
#   ["stack", text]          the call stack of -S and whether the node accepts it:
#                            [stack, true|false|null], or null
#   ["match", f, op, value]  true, false, or null for an exception
#   ["regexp", source, options, text]  true, false, or null when it is broken
require "json"
require "tmpdir"
require "timeout"
require "yaml"

if Psych::VERSION.to_i >= 4
  Psych.singleton_class.prepend(Module.new do
    def safe_load(text, *old, **kw)
      old.each_with_index { |v, i| kw[[:permitted_classes, :permitted_symbols, :aliases, :filename].fetch(i)] = v }
      super(text, **kw)
    end
  end)
end
[File, Dir].each { |k| k.define_singleton_method(:exists?) { |p| exist?(p) } unless k.respond_to?(:exists?) }
require "mcollective"

DIR = Dir.mktmpdir("filter-oracle")
at_exit { FileUtils.remove_entry(DIR) }

def node(n)
  File.write("#{DIR}/facts.yaml", JSON.generate(n["facts"]))
  File.write("#{DIR}/classes.txt", n["classes"].join("\n") + "\n")
  File.write("#{DIR}/server.cfg", <<~CFG)
    libdir = #{DIR}
    identity = #{n["identity"]}
    logger_type = file
    logfile = #{DIR}/log
    loglevel = error
    color = 0
    securityprovider = psk
    plugin.psk = x
    factsource = yaml
    plugin.yaml = #{DIR}/facts.yaml
    classesfile = #{DIR}/classes.txt
  CFG
  MCollective::Config.instance.loadconfig("#{DIR}/server.cfg")
  MCollective::Config.instance.mode = :server
  true
end

def view(v)
  case v
  when Symbol then v.to_s
  when Regexp then { "!regexp" => v.source, "options" => v.options }
  when Array then v.map { |x| view(x) }
  when Hash then v.to_h { |k, x| [view(k), view(x)] }
  else v
  end
end

def guarded
  Timeout.timeout(2) { yield }
rescue Exception # a malformed stack is a SyntaxError
  nil
end

def stack(text)
  s = guarded { MCollective::Matcher.create_compound_callstack(text) }
  return nil if s.nil?

  filter = MCollective::Util.empty_filter.merge("compound" => [s])
  [view(s), guarded { MCollective::PluginManager["security_plugin"].validate_filter?(filter) }]
end

$VERBOSE = nil
STDIN.each_line do |line|
  kind, *args = JSON.parse(line)
  answer = case kind
           when "node" then node(*args)
           when "fact" then view(guarded { MCollective::Util.parse_fact_string(*args) })
           when "stack" then stack(*args)
           when "match" then guarded { !!MCollective::Util.has_fact?(args[0], args[2], args[1]) }
           when "regexp" then guarded { Regexp.new(args[0], args[1]).match?(args[2]) }
           end
  puts JSON.generate([answer])
end

# What the installed Ruby MCollective prints for the cases that come on standard
# input, as a Marshal list of hashes; the texts go out as a Marshal list.
$stdout.binmode
$stdin.binmode
Encoding.default_external = "UTF-8"
begin
  require "mcollective"
  require "mcollective/rpc"
rescue LoadError
  $stdout.write("-")
  exit
end
$stdout.write("+")
$stdout.flush
require "pp"
require "json"

include MCollective

Config.instance.instance_variable_set(:@libdir, [])
class MCollective::Log
  class << self
    def log(*) end
    def error(*) end
    def warn(*) end
    def debug(*) end
  end
end

# A definition that is what the case says.
class Declared
  def initialize(c) @c = c end

  def action_interface(_)
    {:action => @c[:action], :display => @c[:display].to_sym,
     :output => Hash[@c[:outputs].map { |k, v| [k, {:display_as => v}] }],
     :aggregate => @c[:aggregate].map { |f, o, args| {:function => f, :args => [o, args.empty? ? nil : args]} }}
  end
end

def answer(c)
  case c[:ask]
  when "inspect" then return c[:value].inspect
  when "pretty" then return c[:value].pretty_inspect
  when "text" then return c[:value].to_s
  when "spinner"
    twirl = RPC::Progress.new(c[:size])
    Config.instance.instance_variable_set(:@color, c[:color])
    return (0..c[:total]).map { |i| twirl.twirl(i, c[:total]) }.join
  when "format" then return (begin; c[:value] % c[:args]; rescue StandardError; "error"; end)
  end
  DDL.singleton_class.send(:define_method, :new) { |*_| Declared.new(c) }
  Config.instance.instance_variable_set(:@color, c[:color])
  results = c[:results].map { |r| RPC::Result.new(c[:agent], c[:action], r) }
  results.sort! if c[:sort]
  if c[:ask] == "json"
    return RPC::Helpers.rpcresults(results, :format => :json) + "\n"
  end
  out = +""
  if c[:progress]
    twirl = RPC::Progress.new
    out << "\n" << twirl.twirl(0, c[:discovered])
    results.size.times { |i| out << twirl.twirl(i + 1, c[:discovered]) }
    out << "\n\n"
  end
  forced = c[:force] == "" ? false : (c[:force] == "all" ? :always : c[:force].to_sym)
  text = RPC::Helpers.rpcresults(results, :verbose => c[:verbose], :format => :console, :force_display_mode => forced)
  out << "\n%s\n" % [text]
  s = RPC::Stats.new
  aggregate = Aggregate.new(Declared.new(c).action_interface(nil))
  results.each { |r| aggregate.call_functions(r) }
  s.ddl = Declared.new(c)
  s.aggregate_summary = aggregate.summarize
  s.aggregate_failures = aggregate.failed
  s.discovered = c[:discovered]
  s.responses = results.size
  s.okcount = results.count { |r| r[:statuscode] == 0 }
  s.failcount = results.count { |r| r[:statuscode] != 0 }
  s.starttime = 1700000000
  s.blocktime = 1.23456
  s.discoverytime = 2.0
  s.totaltime = 3.23456
  s.noresponsefrom = c[:silent]
  s.unexpectedresponsefrom = c[:strangers]
  report = s.report("#{c[:agent]}##{c[:action]} call stats", true, c[:verbose])
  report += "\n" unless report.end_with?("\n")
  out + report
end

loop do
  size = $stdin.read(4) or break
  cases = Marshal.load($stdin.read(size.unpack1("N")))
  texts = cases.map { |c| answer(c).b }
  dump = Marshal.dump(texts)
  $stdout.write([dump.bytesize].pack("N"), dump)
  $stdout.flush
end

# Asks the published ActionPolicy plugin, the file of the first argument, for a verdict on each
# line of standard input: a JSON object with files, facts, classes, conf, agent, caller and action.
require "json"
require "mcollective"
require "tmpdir"
require ARGV[0]

module MCollective
  class Log
    class << self
      %w[debug info warn error fatal].each { |level| define_method(level) { |*| } }
    end
  end

  module Util
    def self.get_fact(name)
      $question["facts"][name]
    end

    def self.has_cf_class?(klass)
      klass = Regexp.new(klass.gsub("\/", "")) if klass.match("^/")
      $question["classes"].any? { |c| klass.is_a?(Regexp) ? c.match(klass) : c == klass }
    end
  end
end

Request = Struct.new(:agent, :caller, :action)

$stdout.sync = true
$stdin.each_line do |line|
  $question = JSON.parse(line)
  verdict = Dir.mktmpdir do |dir|
    Dir.mkdir(File.join(dir, "policies"))
    $question["files"].each { |name, text| File.write(File.join(dir, "policies", name), text) }
    config = MCollective::Config.instance
    config.instance_variable_set(:@configdir, dir)
    config.instance_variable_set(:@pluginconf, $question["conf"])
    begin
      request = Request.new($question["agent"], $question["caller"], $question["action"])
      MCollective::Util::ActionPolicy.authorize(request) ? "allow" : "false"
    rescue MCollective::RPCAborted
      "deny"
    rescue Exception => e
      "#{e.class}: #{e.message}"
    end
  end
  puts JSON.dump(verdict)
end

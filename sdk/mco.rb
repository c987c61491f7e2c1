# Helper for agents in Ruby: put it beside the agent. Ruby 2.0 or later.
#
#   require_relative "mco"
#
#   Mco.serve(
#     "hello" => lambda do |req|
#       req.data["name"] or raise Mco::Failure.new("no name", Mco::MISSING_DATA)
#       Mco.log("greeting", :debug)
#       { "message" => "hello " + req.data["name"] }
#     end
#   )
#
# It serves one call, or with "mode: worker" in the descriptor one after the
# other. What the agent prints goes to the log, and cannot spoil the answer.
require "json"

module Mco
  OK, FAILED, UNKNOWN_ACTION, MISSING_DATA, INVALID_DATA, OTHER = 0, 1, 2, 3, 4, 5

  # Ends an action with a status, by default 1.
  class Failure < StandardError
    attr_reader :status, :data

    def initialize(message, status = FAILED, data = {})
      super(message)
      @status = status
      @data = data
    end
  end

  # A call: data are the inputs.
  Request = Struct.new(:agent, :action, :data, :caller, :sender, :id, :noop, :deadline, :collective)

  # Writes a line to the log of the node: :error, :warn, :info or :debug.
  def self.log(text, level = :info)
    text.to_s.each_line { |line| $stderr.puts("#{level.to_s[0].upcase}! #{line.chomp}") }
    $stderr.flush
  end

  def self.call(handlers, fields)
    req = Request.new(*Request.members.map { |name| fields[name.to_s] })
    req.data ||= {}
    handler = handlers[req.action]
    return [UNKNOWN_ACTION, "unknown action #{req.action}", {}] unless handler
    result = handler.call(req)
    [OK, "OK", result.is_a?(Hash) ? result : {}]
  rescue Failure => e
    [e.status, e.message, e.data]
  rescue StandardError => e # the caller is to hear of every failure
    log("#{e.class}: #{e.message}", :error)
    [OTHER, "#{e.class}: #{e.message}", {}]
  end

  # Answers calls with the lambdas of handlers, a hash by the name of the action.
  def self.serve(handlers)
    out = $stdout.dup
    out.sync = true
    out.set_encoding("UTF-8")
    $stdin.set_encoding("UTF-8")
    $stdout.reopen($stderr)
    if ENV["MCO_ACTION"]
      status, text, data = call(handlers, JSON.parse($stdin.read))
      out.puts(JSON.generate(data.merge("mco" => { "statuscode" => status, "statusmsg" => text })))
      exit!([status, OTHER].min)
    end
    out.puts(JSON.generate("type" => "hello", "protocol" => 1, "agent" => ENV["MCO_AGENT"].to_s))
    while (line = $stdin.gets)
      message = JSON.parse(line)
      case message["type"]
      when "ping"
        out.puts('{"type":"pong"}')
      when "request"
        status, text, data = call(handlers, message)
        out.puts(JSON.generate("type" => "reply", "id" => message["id"], "statuscode" => status, "statusmsg" => text, "data" => data))
      end
    end
  end
end

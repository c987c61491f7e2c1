# The real aes_security plugin of Ruby MCollective, as a node and as a client of one
# collective.
#   ruby peer.rb DIRECTORY SERIALIZER [KEY=VALUE...]
# DIRECTORY has the files of keys_test.go; KEY=VALUE are more settings. Once
# it is ready each line on stdin is answered with one:
#   node B64     a request of ours: "ok" and Ruby's reply to it ("pong", or the request's
#                own body when that is not "ping")
#   client B64   a reply of ours: "ok" and what Ruby's clients read of it
#   ask          "ok" and a request of Ruby's, of the caller alice
# What Ruby does not take is answered with "error TEXT".
require "base64"
require "yaml"
begin
  require "mcollective"
rescue LoadError
  puts "none"
  exit
end

dir, serializer, *more = ARGV
config = MCollective::Config.instance
config.set_config_defaults("/nonexistent")
config.instance_variable_set(:@configured, true)
config.instance_variable_set(:@identity, "ruby-peer")
config.instance_variable_set(:@pluginconf, {
  "aes.serializer" => serializer, "aes.client_cert_dir" => "#{dir}/clients",
  "aes.server_private" => "#{dir}/server-private.pem", "aes.server_public" => "#{dir}/server-public.pem",
  "aes.client_private" => "#{dir}/alice-private.pem", "aes.client_public" => "#{dir}/alice.pem"
}.merge(more.map { |m| m.split("=", 2) }.to_h))
MCollective::Log.configure(MCollective::Log) rescue nil
MCollective::PluginManager << {:type => "global_stats", :class => MCollective::RunnerStats.new}
require "mcollective/security/aes_security"
node = MCollective::Security::Aes_security.new
node.initiated_by = :node
client = MCollective::Security::Aes_security.new
client.initiated_by = :client
Payload = Struct.new(:payload, :expected_msgid)
Filter = {"fact" => [], "cf_class" => [], "agent" => [], "identity" => [], "compound" => []}

def answer(*words)
  puts words.join(" ")
end

STDOUT.sync = true
puts "ready"
STDIN.each_line do |line|
  begin
    command, text = line.split
    data = Base64.decode64(text.to_s)
    case command
    when "node"
      r = node.decodemsg(Payload.new(data, nil))
      body = r[:body] == "ping" ? "pong" : r[:body]
      answer "ok", Base64.strict_encode64(node.encodereply(r[:agent], body, r[:requestid], r[:callerid])), r[:agent], r[:callerid].inspect, r[:ttl]
    when "client"
      r = client.decodemsg(Payload.new(data, nil))
      answer "ok", r[:senderid], r[:requestid], r[:body].is_a?(Hash) ? r[:body][:statusmsg] : r[:body]
    when "ask"
      answer "ok", Base64.strict_encode64(client.encoderequest("x", "ping", "0" * 32, Filter, "discovery", "mcollective", 60))
    end
  rescue Exception => e
    answer "error", e.class, e.message.lines.first.to_s.strip
  end
end

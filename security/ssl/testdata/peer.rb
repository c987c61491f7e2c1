# The real ssl plugin of Ruby MCollective, as a node and as a client of one collective.
#   ruby peer.rb DIRECTORY SERIALIZER
# DIRECTORY has the files of keys_test.go. Once it is ready each
# line on stdin is answered with one:
#   node B64     a request of ours: "ok" and Ruby's reply to it ("pong", or the request's
#                own body when that is not "ping")
#   client B64   a reply of ours: "ok" and what Ruby's clients read of it
#   envelope B64 "ok" if Ruby makes the same :ssl_envelope of a request as we did
#   ask          "ok" and a request of Ruby's, of the caller alice
#   forge WHAT   "ok" and a request that Ruby's classes help to make: see below
# What Ruby does not take is answered with "error TEXT".
require "base64"
require "yaml"
begin
  require "mcollective"
rescue LoadError
  puts "none"
  exit
end

dir, serializer = ARGV
config = MCollective::Config.instance
config.set_config_defaults("/nonexistent")
config.instance_variable_set(:@configured, true)
config.instance_variable_set(:@identity, "ruby-peer")
config.instance_variable_set(:@pluginconf, {
  "ssl_serializer" => serializer, "ssl_client_cert_dir" => "#{dir}/clients",
  "ssl_server_private" => "#{dir}/server-private.pem", "ssl_server_public" => "#{dir}/server-public.pem",
  "ssl_client_private" => "#{dir}/alice-private.pem", "ssl_client_public" => "#{dir}/alice.pem"
})
MCollective::Log.configure(MCollective::Log) rescue nil
MCollective::PluginManager << {:type => "global_stats", :class => MCollective::RunnerStats.new}
require "mcollective/security/ssl"
node = MCollective::Security::Ssl.new
node.initiated_by = :node
client = MCollective::Security::Ssl.new
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
    when "envelope"
      r = serializer == "yaml" ? YAML.safe_load(data, [Symbol, Regexp]) : Marshal.load(data)
      list = [r[:requestid].encode("UTF-8"), r[:collective], r[:agent], r[:senderid], r[:callerid], r[:filter]]
      body = serializer == "yaml" ? YAML.safe_load(r[:body], [Symbol, Regexp]) : Marshal.load(r[:body])
      answer OpenSSL::Digest::SHA256.hexdigest(Marshal.dump(list)) == body[:ssl_envelope] ? "ok" : "error", body[:ssl_envelope]
    when "ask"
      answer "ok", Base64.strict_encode64(client.encoderequest("x", "ping", "0" * 32, Filter, "discovery", "mcollective", 60))
    when "forge"
      # A caller id of two lines, of which the plugin looks at one and authorization at
      # the other.
      def client.callerid
        "uid=0\ncert=alice"
      end
      answer "ok", Base64.strict_encode64(client.encoderequest("x", "ping", "0" * 32, Filter, "discovery", "mcollective", 60))
    end
  rescue Exception => e
    answer "error", e.class, e.message.lines.first.to_s.strip
  end
end

# The real psk plugin of Ruby MCollective. Each line on stdin is a request payload of
# ours in Base64, and answered with one line: the same request encoded by Ruby and
# Ruby's reply to it ("pong", or the request's own body when that is not "ping"), in
# Base64; or it is "reply" and a reply of ours, and answered with "ok" and what
# Ruby's clients read of it. What Ruby does not take is answered with "error TEXT".
require "base64"
require "mcollective"

config = MCollective::Config.instance
config.set_config_defaults("/nonexistent")
config.instance_variable_set(:@configured, true)
config.instance_variable_set(:@identity, "ruby-peer")
config.instance_variable_set(:@pluginconf, {"psk" => ARGV[0]})
MCollective::Log.configure(MCollective::Log) rescue nil
MCollective::PluginManager << {:type => "global_stats", :class => MCollective::RunnerStats.new}
require "mcollective/security/psk"
$psk = MCollective::Security::Psk.new
def $psk.callerid
  $request[:callerid]
end
Payload = Struct.new(:payload, :expected_msgid)

STDOUT.sync = true
STDIN.each_line do |line|
  begin
    if reply = line[/^reply (.*)/, 1]
      r = $psk.decodemsg(Payload.new(Base64.decode64(reply), nil))
      puts "ok #{r[:senderid]} #{r[:requestid]} #{r[:body][:statuscode]} #{r[:body][:statusmsg]}"
      next
    end
    data = Base64.decode64(line)
    $request = r = $psk.decodemsg(Payload.new(data, nil))
    config.instance_variable_set(:@identity, r[:senderid])
    at = Time.at(r[:msgtime])
    Time.define_singleton_method(:now) { at }
    request = $psk.encoderequest(nil, r[:body], r[:requestid], r[:filter], r[:agent], r[:collective], r[:ttl])
    config.instance_variable_set(:@identity, "ruby-peer")
    reply = $psk.encodereply(r[:agent], r[:body] == "ping" ? "pong" : r[:body], r[:requestid], r[:callerid])
    puts "#{Base64.strict_encode64(request)} #{Base64.strict_encode64(reply)}"
  rescue Exception => e
    puts "error #{e.class}: #{e}"
  end
end

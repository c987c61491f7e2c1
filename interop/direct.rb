# Sends the discovery agent's "ping" straight to the named nodes, as a direct
# request of the Ruby client library, and prints who answered, one a line.
#   ruby -r./compat.rb direct.rb CLIENT_CFG SECONDS NODE...
require "mcollective"

config, seconds, *nodes = ARGV
options = {
  :verbose => false, :disctimeout => 2, :timeout => seconds.to_i, :config => config,
  :filter => MCollective::Util.empty_filter, :connection_timeout => 5
}
client = MCollective::Client.new(options)
client.options = options
message = MCollective::Message.new("ping", nil,
                                   :agent => "discovery", :type => :direct_request,
                                   :collective => MCollective::Config.instance.main_collective,
                                   :filter => options[:filter], :options => options)
message.discovered_hosts = nodes
client.req(message) { |reply| puts reply[:senderid] }
client.disconnect

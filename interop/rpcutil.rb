# Sends requests to rpcutil that the mco command would not send, straight to the
# named node, and prints each with what came back, as Ruby shows it.
#   ruby -r./compat.rb rpcutil.rb CLIENT_CFG SECONDS NODE [NAME...]
# SECONDS is how long a request waits that is not answered. NAMEs are those of
# the requests below to send; without any, all are.
require "mcollective"

config, seconds, node, *names = ARGV

def ask(action, data, more = {})
  {:agent => "rpcutil", :action => action, :caller => "uid=0", :data => data}.merge(more)
end

requests = {
  # How a request may be written.
  "symbols" => ask("get_fact", :fact => "country", :process_results => true),
  "strings" => {"agent" => "rpcutil", "action" => "get_fact", "caller" => "uid=0", "data" => {"fact" => "country", "process_results" => true}},
  "no process_results" => ask("get_fact", :fact => "country"),
  "process_results of text" => ask("get_fact", :fact => "country", :process_results => "false"),
  "input under both keys" => ask("get_fact", "fact" => "role", :fact => "country"),
  "empty input under the symbol" => ask("get_fact", "fact" => "role", :fact => nil),
  "undeclared input" => ask("get_fact", :fact => "country", :other => 1),
  "data under both keys" => ask("get_fact", {:fact => "country"}, "data" => {:fact => "role"}),
  "action under both keys" => ask("get_fact", {:fact => "country"}, "action" => "ping"),
  "no caller" => {:agent => "rpcutil", :action => "get_fact", :data => {:fact => "country"}},
  "more keys" => ask("get_fact", {:fact => "country"}, :other => 1, 7 => nil),
  # What gets no answer.
  "process_results false" => ask("get_fact", :fact => "country", :process_results => false),
  "process_results nil" => ask("get_fact", :fact => "country", :process_results => nil),
  "strings, process_results false" => ask("get_fact", "fact" => "country", "process_results" => false),
  "process_results under both keys" => ask("get_fact", :fact => "country", :process_results => true, "process_results" => false),
  "no data" => {:agent => "rpcutil", :action => "ping", :caller => "uid=0"},
  "data nil" => ask("ping", nil),
  "data text" => ask("ping", "process_results"),
  "data list" => ask("ping", []),
  "data number" => ask("ping", 1),
  "body text" => "ping",
  "body list" => ["ping"],
  # Actions.
  "long action" => ask("x" * 300, {}),
  "undeclared action" => ask("nosuch", {}),
  "empty action" => ask("", {}),
  "no action" => {:agent => "rpcutil", :caller => "uid=0", :data => {}},
  "action nil" => ask(nil, {}),
  "action number" => ask(7, {}),
  "action symbol" => ask(:get_fact, :fact => "country"),
  "action of other case" => ask("Ping", {}),
  # Inputs.
  "input missing" => ask("get_fact", {}),
  "input nil" => ask("get_fact", :fact => nil),
  "input number" => ask("get_fact", :fact => 7),
  "input symbol" => ask("get_fact", :fact => :country),
  "input list" => ask("get_fact", :fact => ["country"]),
  "input empty" => ask("get_fact", :fact => ""),
  "input of 40" => ask("get_fact", :fact => "x" * 40),
  "input of 41" => ask("get_fact", :fact => "x" * 41),
  "input of 41, bad" => ask("get_fact", :fact => " " * 41),
  "input of 30 letters, 60 bytes" => ask("get_fact", :fact => "é" * 30),
  "input of 41 letters" => ask("get_fact", :fact => "é" * 41),
  "input bad" => ask("get_fact", :fact => "a b"),
  "input bad, quotes" => ask("get_fact", :fact => "a'b`"),
  "input with a good line" => ask("get_fact", :fact => "a b\ncountry"),
  "input with a line end" => ask("get_fact", :fact => "country\n"),
  "input not UTF-8" => ask("get_fact", :fact => "a\xff"),
  "input binary" => ask("get_fact", :fact => "country".b),
  "input Latin-1" => ask("get_fact", :fact => "country".encode("ISO-8859-1")),
  "facts" => ask("get_facts", :facts => " country , role,nosuch ,country"),
  "facts, empty one" => ask("get_facts", :facts => "country,,role"),
  "facts, comma at the end" => ask("get_facts", :facts => "country,"),
  "facts, blank at the end" => ask("get_facts", :facts => "country "),
  "facts, vertical tab" => ask("get_facts", :facts => "country\v,role"),
  "facts, NUL" => ask("get_facts", :facts => "country,\u0000role"),
  "facts missing" => ask("get_facts", {}),
  "facts of 201" => ask("get_facts", :facts => "x" * 201),
  "facts, two lines" => ask("get_facts", :facts => "country\nrole"),
  "facts, structured" => ask("get_facts", :facts => "os,interfaces,empty"),
  # Configuration.
  "item missing" => ask("get_config_item", {}),
  "item unknown" => ask("get_config_item", :item => "nosuch"),
  "item empty" => ask("get_config_item", :item => ""),
  "item not ASCII" => ask("get_config_item", :item => "größe"),
  "item not UTF-8" => ask("get_config_item", :item => "a\xff"),
  "item, two lines" => ask("get_config_item", :item => "\nttl"),
  "item of 51" => ask("get_config_item", :item => "x" * 51),
  # Data plugins.
  "source missing" => ask("get_data", {}),
  "source missing, query bad" => ask("get_data", :query => 7),
  "source bad" => ask("get_data", :source => "a-b"),
  "source of 51" => ask("get_data", :source => "x" * 51),
  "source unknown" => ask("get_data", :source => "nosuch", :query => "x"),
  "source unknown, no query" => ask("get_data", :source => "nosuch"),
  "source unknown, query nil" => ask("get_data", :source => "nosuch", :query => nil),
  "query number" => ask("get_data", :source => "nosuch", :query => 7),
  "query empty" => ask("get_data", :source => "nosuch", :query => ""),
  "query of 201" => ask("get_data", :source => "nosuch", :query => "x" * 201),
  "query and source bad" => ask("get_data", :source => "-", :query => 7),
}
%w[daemonize logfile keeplogs max_log_size loglevel logfacility identity connector securityprovider factsource registration registerinterval
   classesfile rpcauditprovider rpcaudit configdir rpcauthprovider rpcauthorization color configfile rpclimitmethod logger_type fact_cache_time
   collectives main_collective ssl_cipher registration_collective direct_addressing direct_addressing_threshold ttl default_discovery_method
   default_discovery_options publish_timeout threaded soft_shutdown activate_agents registration_splay discovery_timeout soft_shutdown_timeout
   connection_timeout default_batch_size default_batch_sleep_time mode configured].each do |item|
  requests["item #{item}"] = ask("get_config_item", :item => item)
end

options = {
  :verbose => false, :disctimeout => 2, :timeout => seconds.to_f, :config => config,
  :filter => MCollective::Util.empty_filter, :connection_timeout => 5
}
client = MCollective::Client.new(options)
client.options = options
requests.each do |name, body|
  next unless names.empty? || names.include?(name)
  message = MCollective::Message.new(body, nil,
                                     :agent => "rpcutil", :type => :direct_request,
                                     :collective => MCollective::Config.instance.main_collective,
                                     :filter => options[:filter], :options => options)
  message.discovered_hosts = [node]
  answer = "nothing"
  client.req(message, nil, options, 1) { |reply| answer = reply[:body].inspect }
  puts "#{name}: #{answer}"
end
client.disconnect

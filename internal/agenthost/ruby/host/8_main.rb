module MCollective
  module Host
    # Finds out which plugins can work here, and says so plugin by plugin, so that
    # one that takes the process with it is known.
    def self.probe
      setup["plugins"].each do |kind, name|
        say_now("begin" => [kind, name])
        why = begin
          Timeout.timeout(setup["timeout"]) { kind == "data" ? Data.activate(Data.pluginname(name)) : Agents.activate(name) }
        rescue Timeout::Error
          "it did not tell within #{setup["timeout"]} s whether it can work here"
        end
        say_now("end" => [kind, name], "why" => why)
      end
      exit!(0)
    end

    # An agent that cannot work any more ends the worker, which says why.
    def self.run
      if setup["kind"] == "agent" && (why = Agents.activate(setup["name"]))
        STDERR.puts(why)
        exit!(1)
      end
      serve
    end
  end
end

MCollective::Host.begin(MCO_RUBY_SETUP)
MCO_RUBY_SETUP["kind"] == "probe" ? MCollective::Host.probe : MCollective::Host.run

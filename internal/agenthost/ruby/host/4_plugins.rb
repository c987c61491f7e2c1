module MCollective
  module Agent
    # An agent or data plugin that names another agent's class gets it, as if all
    # were loaded.
    def self.const_missing(name)
      Agents.load(name.to_s.downcase)
      const_defined?(name, false) ? const_get(name, false) : super
    end
  end

  # The plugins of this process. Agents and data plugins are loaded when somebody
  # asks for them.
  module PluginManager
    @plugins = {}

    class << self
      def <<(plugin)
        type, source = plugin[:type], plugin[:class]
        raise "Plugin #{type} already loaded" if @plugins.include?(type)
        @plugins[type] = {:class => source, :single => plugin.fetch(:single_instance, true)}
      end

      def delete(name)
        @plugins.delete(name)
      end

      def clear
        @plugins.clear
      end

      def include?(name)
        !!provide(name)
      end

      def [](name)
        plugin = provide(name) or raise "No plugin #{name} defined"
        return create_instance(plugin[:class]) unless plugin[:single]
        plugin[:instance] ||= plugin[:class].is_a?(String) ? create_instance(plugin[:class]) : plugin[:class]
      end

      def pluginlist
        (@plugins.keys + Agents.names.map { |n| "#{n}_agent" } + Data.names + ["facts_plugin"]).uniq.sort
      end

      def grep(pattern)
        pluginlist.grep(pattern)
      end

      def create_instance(name)
        name.to_s.split("::").inject(Object) { |parent, part| parent.const_get(part) }.new
      rescue ScriptError, StandardError => e
        Log.debug("#{name}: #{e.class}: #{e}: #{(e.backtrace || []).first}")
        raise "Could not create instance of plugin #{name}: #{e}"
      end

      def find(kind, extension = "rb")
        ending = "." + extension.sub(/\A\./, "")
        Host.libdirs.flat_map { |dir| ["mcollective/#{kind}", kind.to_s].flat_map { |sub| Dir.glob(File.join(dir, sub, "*#{ending}")) } }
          .map { |path| File.basename(path, ending) }.uniq.sort
      end

      def find_and_load(kind, extension = "rb")
        find(kind, extension).each do |name|
          next if block_given? && !yield(name)
          loadclass("MCollective::#{kind.capitalize}::#{name.capitalize}", true)
        end
      end

      # Loads the file that a class is in, by the class's name. It is loaded once: if
      # the file changes, there is a new process.
      def loadclass(name, quietly = false)
        require name.gsub("::", "/").downcase
      rescue ScriptError, StandardError => e
        Log.error("Failed to load #{name}: #{e}")
        raise unless quietly
      end

      private

      def provide(name)
        return @plugins[name] if @plugins.include?(name)
        case name
        when "facts_plugin" then @plugins[name] = {:class => Facts.source, :single => true}
        when /\A(.+)_agent\z/ then Agents.register($1)
        when /_data\z/ then Data.register(name)
        end
      end
    end
  end

  module Agents
    @inactive = {}
    @lock = Monitor.new

    class << self
      # The agents in Ruby that work on this node.
      def agentlist
        Host.setup["agents"] || names
      end

      def names
        PluginManager.find("agent").reject { |name| name == "discovery" }
      end

      def include?(name)
        agentlist.include?(name)
      end

      # The class of an agent, whose file is loaded if it was not.
      def load(name)
        @lock.synchronize do
          path = Host.find("agent", "#{name}.rb") or return nil
          require path
          klass = Agent.const_get(name.capitalize, false) if Agent.const_defined?(name.capitalize, false)
          raise LoadError, "#{path} defines no class MCollective::Agent::#{name.capitalize}" unless klass
          raise LoadError, "MCollective::Agent::#{name.capitalize} is no RPC::Agent" unless klass < RPC::Agent
          klass
        end
      end

      # Tells why an agent cannot work here, or nil.
      def activate(name)
        @lock.synchronize do
          return @inactive[name] if @inactive.include?(name)
          @inactive[name] = "it asks for itself while it is loaded"
          @inactive[name] = judge(name)
        end
      end

      def register(name)
        return nil if activate(name)
        {:class => "MCollective::Agent::#{name.capitalize}", :single => false}
      end

      def answer(message)
        name = Host.setup["name"]
        if (why = activate(name))
          raise why
        end
        data = (message["data"] || {}).each_with_object({}) { |(k, v), h| h[k.to_sym] = v }
        data[:process_results] = true
        body = {:agent => name, :action => message["action"], :data => data, :caller => message["caller"]}
        reply = PluginManager["#{name}_agent"].handlemsg({
          :body => body, :senderid => message["sender"], :requestid => message["id"], :callerid => message["caller"],
          :collective => message["collective"], :msgtime => message["time"], :ttl => message["ttl"], :agent => name
        }, nil)
        {"statuscode" => status(reply[:statuscode]), "statusmsg" => Host.text(reply[:statusmsg].to_s), "data" => Host.outputs(reply[:data] || {}, only_output(name, message["action"]))}
      end

      private

      # The name for what an action answers by reply.data = "text": that of its only output, if it has one.
      def only_output(name, action)
        outputs = DDL.new(name, :agent).action_interface(action)[:output] || {}
        outputs.size == 1 ? outputs.keys.first : "data"
      rescue StandardError
        "data"
      end

      def judge(name)
        klass = load(name) or return "there is no agent/#{name}.rb in any libdir"
        return "its activate_when says that it cannot work here" unless klass.activate?
        klass.new # so that a start-up that fails shows now
        nil
      rescue ScriptError, StandardError, SystemExit => e
        Log.debug("agent #{name}: #{e.class}: #{e}\n\t#{(e.backtrace || []).first(10).join("\n\t")}")
        place = (e.backtrace || []).find { |line| !line.start_with?("mco-ruby:", "<internal:") && !line.include?("/rubygems/") }
        Host.text(place ? "#{e} (#{e.class} at #{place})" : "#{e} (#{e.class})")
      end

      def status(code)
        code.is_a?(Integer) && code.between?(0, 255) ? code : 5
      end
    end
  end
end

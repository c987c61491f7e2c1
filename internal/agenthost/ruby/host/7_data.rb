module MCollective
  module Data
    SIMPLE = [String, Integer, Float, TrueClass, FalseClass]

    # What a data plugin answers: only values that a filter can compare.
    class Result
      undef_method :type if method_defined?(:type)

      def initialize(outputs)
        @data = {}
        outputs.each { |name, about| @data[name] = Marshal.load(Marshal.dump(about[:default])) }
      end

      def include?(key)
        @data.include?(key.to_sym)
      end

      def [](key)
        @data[key.to_sym]
      end

      def []=(key, value)
        unless SIMPLE.any? { |type| value.is_a?(type) }
          raise "Can only store String, Integer, Float or Boolean data but got #{value.class} for key #{key}"
        end
        @data[key.to_sym] = value
      end

      def keys
        @data.keys
      end

      def to_hash
        @data
      end

      def method_missing(name, *)
        raise NoMethodError, "undefined local variable or method `#{name}'" unless include?(name)
        self[name]
      end

      def respond_to_missing?(name, *)
        include?(name)
      end
    end

    class Base
      attr_reader :name, :result, :ddl, :timeout

      class << self
        def query(&block)
          define_method(:query_data, &block)
        end

        def activate_when(&block)
          define_singleton_method(:activate?, &block)
        end

        def activate?
          true
        end
      end

      def initialize
        @name = self.class.to_s.split("::").last.downcase
        @ddl = DDL.new(@name, :data)
        @result = Result.new(@ddl.dataquery_interface[:output] || {})
        @timeout = @ddl.meta[:timeout] || 1
        startup_hook
      end

      # The node has judged the query and limits the time.
      def lookup(what)
        query_data(what)
        @result
      end

      def startup_hook; end
    end

    @inactive = {}
    @lock = Monitor.new

    class << self
      def names
        PluginManager.find("data").map { |name| pluginname(name) }
      end

      def pluginname(name)
        name.to_s =~ /_data\z/i ? name.to_s.downcase : "#{name.to_s.downcase}_data"
      end

      def [](name)
        PluginManager[pluginname(name)]
      end

      def ddl(name)
        DDL.new(pluginname(name), :data)
      end

      def method_missing(name, *args)
        return super unless PluginManager.include?(pluginname(name))
        self[name].lookup(args.first)
      end

      def respond_to_missing?(name, *)
        !name.to_s.start_with?("to_") && PluginManager.include?(pluginname(name))
      end

      # A query comes as text, whatever it stands for.
      def ddl_transform_input(ddl, query)
        type = ((ddl.dataquery_interface[:input] || {})[:query] || {})[:type]
        case type
        when :boolean then DDL.string_to_boolean(query)
        when :number, :integer, :float then DDL.string_to_number(query)
        else query
        end
      rescue RuntimeError, NoMethodError
        query
      end

      def register(name)
        return nil if activate(name)
        {:class => "MCollective::Data::#{name.capitalize}", :single => false}
      end

      # Tells why a data plugin cannot work here, or nil.
      def activate(name)
        @lock.synchronize do
          return @inactive[name] if @inactive.include?(name)
          @inactive[name] = judge(name)
        end
      end

      def answer(message)
        name = pluginname(message["action"])
        if (why = activate(name))
          raise why
        end
        query = (message["data"] || {})["query"]
        plugin = self[name]
        query = ddl_transform_input(plugin.ddl, query) if query
        {"statuscode" => 0, "statusmsg" => "OK", "data" => Host.outputs(plugin.lookup(query).to_hash)}
      end

      private

      def judge(name)
        path = Host.find("data", "#{name}.rb") || Host.find("data", "#{name.sub(/_data\z/, "")}.rb") or return "there is no data/#{name}.rb in any libdir"
        require path
        klass = const_defined?(name.capitalize, false) && const_get(name.capitalize, false)
        return "#{path} defines no class MCollective::Data::#{name.capitalize}" unless klass
        klass.activate? ? nil : "its activate_when says that it cannot work here"
      rescue ScriptError, StandardError, SystemExit => e
        Host.text("#{e} (#{e.class})")
      end
    end
  end
end

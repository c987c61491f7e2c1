module MCollective
  class DDLValidationError < RuntimeError; end
  class ValidatorError < RuntimeError; end
  class ClientTimeoutError < RuntimeError; end
  class MsgDoesNotMatchRequestID < RuntimeError; end
  class MsgTTLExpired < RuntimeError; end
  class NotTargettedAtUs < RuntimeError; end
  class SecurityValidationFailed < RuntimeError; end
  class RPCError < StandardError; end
  class InvalidRPCData < RPCError; end
  class MissingRPCData < RPCError; end
  class RPCAborted < RPCError; end
  class UnknownRPCAction < RPCError; end
  class UnknownRPCError < RPCError; end

  class Log
    class << self
      Host::LEVELS.each do |level|
        define_method(level) { |message| log(level, message) }
      end

      def log(level, message, *)
        place = caller.find { |line| !line.start_with?("mco-ruby:") }
        Host.log(level, message, place && place[/\A(?:.*\/)?([^\/]+?:\d+)/, 1])
      end

      def instance
        self
      end

      def logger
        self
      end

      def configure(*); end

      def cycle_level; end

      def reopen; end
    end
  end

  # The node's configuration, without its secrets.
  class Config
    def self.instance
      @instance ||= new
    end

    def initialize
      values = {"color" => false, "mode" => :server, "configured" => true}.merge(Host.setup["config"] || {})
      values["libdir"] = Host.libdirs
      values.each do |name, value|
        define_singleton_method(name) { value }
      end
    end

    def configured
      true
    end

    def pluginconf
      @pluginconf ||= Host.setup["pluginconf"] || {}
    end

    def loadconfig(*); end
  end

  # The facts are in a file that the node writes anew when they change.
  module Facts
    class Source
      def initialize
        @lock = Mutex.new
        @facts = {}
      end

      def get_fact(name = nil)
        facts = @lock.synchronize { load }
        name ? facts[name] : facts
      end

      def get_facts
        get_fact
      end

      def has_fact?(name)
        get_fact.include?(name)
      end

      private

      def load
        path = ENV["MCO_FACTS_FILE"] or return @facts
        now = File.mtime(path)
        @facts, @read = texts(JSON.parse(File.read(path))), now if now != @read
        @facts
      rescue SystemCallError, JSON::ParserError => e
        Log.warn("the facts cannot be read: #{e}")
        @facts
      end

      # Ruby's facts are texts, however they were written.
      def texts(value)
        case value
        when Array then value.map { |v| texts(v) }
        when Hash then value.each_with_object({}) { |(k, v), h| h[k.to_s] = texts(v) }
        else value.to_s
        end
      end
    end

    def self.source
      @source ||= Source.new
    end

    def self.has_fact?(name, value)
      get_fact(name) == value
    end

    def self.get_fact(name)
      source.get_fact(name)
    end

    def self.[](name)
      get_fact(name)
    end
  end

  # Named stores whose values grow too old, each with a lock that agents share.
  module Cache
    Store = Struct.new(:ttl, :lock, :values)
    @stores = {}
    @lock = Mutex.new

    class << self
      def setup(name, ttl = 300)
        @lock.synchronize { @stores[name] ||= Store.new(Float(ttl), Mutex.new, {}) }
        true
      end

      def has_cache?(name)
        @lock.synchronize { @stores.include?(name) }
      end

      def delete!(name)
        @lock.synchronize { @stores.delete(name) } or raise "No cache called '#{name}'"
        true
      end

      def write(name, key, value)
        store(name).lock.synchronize { @stores[name].values[key] = [value, Time.now] }
        value
      end

      def read(name, key)
        raise "Cache for item '#{key}' on cache '#{name}' has expired" unless ttl(name, key) > 0
        store(name).lock.synchronize { @stores[name].values[key].first }
      end

      def ttl(name, key)
        found = store(name)
        found.lock.synchronize do
          _, time = found.values[key]
          raise "No item called '#{key}' for cache '#{name}'" unless time
          found.ttl - (Time.now - time)
        end
      end

      def invalidate!(name, key)
        found = store(name)
        found.lock.synchronize { found.values.include?(key) ? found.values.delete(key).first : false }
      end

      def synchronize(name)
        raise "No block supplied to synchronize" unless block_given?
        store(name).lock.synchronize { yield }
      end

      private

      def store(name)
        @lock.synchronize { @stores[name] } or raise "No cache called '#{name}'"
      end
    end
  end
end

# What runs in a Ruby worker: MCollective's names, as Ruby agents use them, over
# the lines of JSON that a worker speaks. It is written for Ruby 2.0 and later.

require "json"
require "monitor"
require "rbconfig"
require "timeout"
require "tmpdir"

Encoding.default_external = Encoding::UTF_8
Encoding.default_internal = nil

# MCollective's daemon has these loaded, so that agents do not ask for them.
autoload :YAML, "yaml"
autoload :Digest, "digest"
autoload :ERB, "erb"
autoload :Etc, "etc"
autoload :FileUtils, "fileutils"
autoload :IPAddr, "ipaddr"
autoload :Open3, "open3"
autoload :OptionParser, "optparse"
autoload :Pathname, "pathname"
autoload :Resolv, "resolv"
autoload :SecureRandom, "securerandom"
autoload :Set, "set"
autoload :Shellwords, "shellwords"
autoload :Singleton, "singleton"
autoload :StringIO, "stringio"
autoload :Tempfile, "tempfile"
%w[Socket TCPSocket TCPServer UDPSocket UNIXSocket BasicSocket SocketError Addrinfo].each { |name| autoload name, "socket" }

# Names that agents use and newer Rubies have no more.
Fixnum = Integer unless Object.const_defined?(:Fixnum)
Bignum = Integer unless Object.const_defined?(:Bignum)
class File
  def self.exists?(path)
    exist?(path)
  end
end
class Dir
  def self.exists?(path)
    exist?(path)
  end
end
class Object
  def taint; self; end unless method_defined?(:taint)
  def untaint; self; end unless method_defined?(:untaint)
end

module MCollective
  VERSION = "2.12.5" # whose API this is

  def self.version
    VERSION
  end

  # The worker itself: what it was told, and how it talks.
  module Host
    LEVELS = [:debug, :info, :warn, :error, :fatal]

    class << self
      attr_reader :setup

      # Takes the streams, so that what an agent prints is not taken for an answer.
      def begin(setup)
        @setup = setup
        @input = STDIN.dup
        @output = STDOUT.dup
        @input.set_encoding(Encoding::UTF_8)
        @output.sync = true
        STDIN.reopen(File::NULL)
        STDOUT.reopen(STDERR)
        STDOUT.sync = true
        @level = LEVELS.index(setup["loglevel"].to_s.to_sym) || 1
        @pid = $$
        @lines = Queue.new
        @writer = Thread.new { write }
        @threads = {}
        @lock = Mutex.new
        libdirs.reverse_each { |dir| $LOAD_PATH.unshift(dir) unless $LOAD_PATH.include?(dir) }
        $0 = "mco ruby #{setup["name"]}"
      end

      def libdirs
        @setup["libdirs"] || []
      end

      # Queues a message. Threads that are ended in the middle of their work do not
      # write themselves, or they would leave half a line.
      def say(message)
        return if $$ != @pid
        @lines << JSON.generate(message)
      rescue JSON::GeneratorError => e
        @lines << JSON.generate("type" => message["type"], "id" => message["id"], "statuscode" => 5, "statusmsg" => "the reply is no JSON: #{text(e.message)}")
      end

      # Says something before anything else happens.
      def say_now(message)
        @output.write(JSON.generate(message) + "\n")
      end

      def log(level, message, from)
        return if (LEVELS.index(level) || 1) < @level
        line = from ? "#{from}: #{message}" : message.to_s
        if $$ == @pid
          say("type" => "log", "level" => level.to_s, "text" => text(line))
        else
          STDERR.puts(line)
        end
      end

      # Is called in a process that an agent has forked off.
      def forked
        [@input, @output].each { |io| io.close unless io.closed? }
      rescue IOError
        nil
      end

      def serve
        say("type" => "hello", "protocol" => 1, "agent" => @setup["name"])
        while (line = @input.gets)
          message = begin
            JSON.parse(line)
          rescue JSON::ParserError
            next
          end
          case message["type"]
          when "request" then start(message)
          when "cancel" then cancel(message["id"])
          when "ping" then say("type" => "pong")
          end
        end
        finish
      end

      def finish
        @lines << nil
        @writer.join(1)
      end

      # Finds a file of the libdirs, which have it under mcollective or at the top.
      def find(*parts)
        libdirs.each do |dir|
          [File.join(dir, "mcollective", *parts), File.join(dir, *parts)].each { |path| return path if File.file?(path) }
        end
        nil
      end

      # What can be said in JSON. A first character tells the node what a text was,
      # where JSON cannot: 1 a symbol, 2 a text that begins with such a character,
      # 3 bytes that are no text, in base64, 4 a key that is a number or the like.
      # What else there is becomes text.
      def plain(value, depth = 0)
        raise ArgumentError, "the reply is nested too deep" if depth > 40
        case value
        when nil, true, false, Integer then value
        when Float then value.finite? ? value : value.to_s
        when Symbol then "\x01" + text(value.to_s)
        when String then marked(value)
        when Array then value.map { |v| plain(v, depth + 1) }
        when Hash
          value.each_with_object({}) { |(k, v), h| h[key(k)] = plain(v, depth + 1) }
        when Regexp then marked(value.inspect)
        else marked(value.to_s)
        end
      end

      def key(value)
        case value
        when nil, true, false, Integer then "\x04" + value.to_json
        else plain(value.is_a?(Symbol) ? value : value.to_s)
        end
      end

      def marked(string)
        utf8 = string.dup.force_encoding(Encoding::UTF_8)
        return "\x03" + [string].pack("m0") if [Encoding::BINARY, Encoding::UTF_8, Encoding::US_ASCII].include?(string.encoding) && !utf8.valid_encoding?
        string = text(string)
        string =~ /\A[\x01-\x04]/ ? "\x02" + string : string
      end

      # The outputs of a reply, whose names are texts. Data that is no hash becomes the output of the given name.
      def outputs(data, name = "data")
        hash = data.is_a?(Hash) ? data : {name => data}
        hash.each_with_object({}) { |(k, v), h| h[text(k.to_s)] = plain(v) }
      end

      def text(string)
        s = string.dup
        s = s.force_encoding(Encoding::UTF_8) if [Encoding::BINARY, Encoding::US_ASCII].include?(s.encoding)
        s = s.encode(Encoding::UTF_8, :invalid => :replace, :undef => :replace) unless s.encoding == Encoding::UTF_8
        return s if s.valid_encoding?
        s.encode(Encoding::UTF_16BE, :invalid => :replace, :undef => :replace, :replace => "\uFFFD").encode(Encoding::UTF_8)
      end

      private

      def write
        while (line = @lines.pop)
          @output.write(line + "\n")
        end
      rescue Errno::EPIPE, IOError
        nil
      end

      def start(message)
        id = message["id"]
        @lock.synchronize do
          @threads[id] = Thread.new do
            Thread.current.report_on_exception = false if Thread.current.respond_to?(:report_on_exception=)
            @lock.synchronize {}
            begin
              answer(message)
            ensure
              @lock.synchronize { @threads.delete(id) }
            end
          end
        end
      end

      def cancel(id)
        thread = @lock.synchronize { @threads[id] }
        thread.kill if thread
      end

      def answer(message)
        reply = @setup["kind"] == "data" ? Data.answer(message) : Agents.answer(message)
        say({"type" => "reply", "id" => message["id"]}.merge(reply))
      rescue Exception => e
        raise if e.is_a?(NoMemoryError)
        Log.error("%s failed: %s: %s\n\t%s" % [message["action"], e.class, e, (e.backtrace || []).first(10).join("\n\t")])
        say("type" => "reply", "id" => message["id"], "statuscode" => 5, "statusmsg" => text(e.to_s))
      end
    end
  end

  # mcollective/... is never that of an installed gem, which would mix with this.
  module Requiring
    OURS = %w[
      mcollective mcollective/agent mcollective/agents mcollective/cache mcollective/config mcollective/data mcollective/data/base
      mcollective/data/result mcollective/ddl mcollective/ddl/base mcollective/ddl/agentddl mcollective/ddl/dataddl mcollective/exceptions
      mcollective/facts mcollective/log mcollective/monkey_patches mcollective/pluginmanager mcollective/rpc mcollective/rpc/actionrunner
      mcollective/rpc/agent mcollective/rpc/audit mcollective/rpc/reply mcollective/rpc/request mcollective/shell mcollective/util
      mcollective/validator
    ]

    def self.resolve(name)
      plain = name.sub(/\.rb\z/, "")
      return nil if OURS.include?(plain)
      Host.find(plain.sub("mcollective/", "") + ".rb") or
        raise LoadError, "cannot load such file -- #{name} (it is in no libdir, and is no part of what agents are given here)"
    end
  end
end

module Kernel
  mco_require = instance_method(:require)
  define_method(:require) do |name|
    name = name.respond_to?(:to_path) ? name.to_path : name
    if name.is_a?(String) && (name == "mcollective" || name.start_with?("mcollective/"))
      name = MCollective::Requiring.resolve(name)
      return false unless name
    end
    mco_require.bind(self).call(name)
  end
  private :require
end

if Process.respond_to?(:_fork)
  Process.singleton_class.prepend(Module.new do
    def _fork
      pid = super
      MCollective::Host.forked if pid == 0
      pid
    end
  end)
end

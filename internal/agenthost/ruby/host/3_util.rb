# Ruby 1.8 had it, and agents of those days use it.
class String
  alias each each_line unless method_defined?(:each)
end

module MCollective
  module Util
    COLORS = {:red => "\e[31m", :green => "\e[32m", :yellow => "\e[33m", :cyan => "\e[36m", :bold => "\e[1m", :reset => "\e[0m"}

    class << self
      def has_agent?(name)
        matches?(Agents.agentlist, name)
      end

      def has_cf_class?(name)
        matches?(File.readlines(Config.instance.classesfile).map(&:chomp), name)
      rescue SystemCallError => e
        Log.warn("Parsing classes file '#{Config.instance.classesfile}' failed: #{e.class}: #{e}")
        false
      end

      def has_identity?(name)
        matches?([Config.instance.identity], name)
      end

      def get_fact(name)
        Facts.get_fact(name)
      end

      def has_fact?(name, value, operator)
        fact = Facts[name]
        case fact
        when nil then false
        when Array then fact.any? { |v| compare(v, value, operator) }
        when Hash then fact.keys.any? { |v| compare(v, value, operator) }
        else compare(fact, value, operator)
        end
      end

      def empty_filter
        {"fact" => [], "cf_class" => [], "agent" => [], "identity" => [], "compound" => []}
      end

      def empty_filter?(filter)
        filter == empty_filter || filter == {}
      end

      def loadclass(name)
        PluginManager.loadclass(name)
      end

      # The longer operators first, and = last, as it is part of others.
      def parse_fact_string(text)
        case text
        when /\A([^ ]+?) *=> *(.+)/ then {:fact => $1, :value => $2, :operator => ">="}
        when /\A([^ ]+?) *=< *(.+)/ then {:fact => $1, :value => $2, :operator => "<="}
        when /\A([^ ]+?) *(<=|>=|<|>|!=|==|=~) *(.+)/ then {:fact => $1, :value => $3, :operator => $2}
        when /\A(.+?) *= *\/(.+)\/\z/ then {:fact => $1, :value => "/#{$2}/", :operator => "=~"}
        when /\A([^= ]+?) *= *(.+)/ then {:fact => $1, :value => $2, :operator => "=="}
        else raise "Could not parse fact #{text} it does not appear to be in a valid format"
        end
      end

      def shellescape(text)
        Shellwords.escape(text)
      end

      def windows?
        !!(RbConfig::CONFIG["host_os"] =~ /mswin|win32|dos|mingw|cygwin/i)
      end

      def color(name)
        Config.instance.color ? COLORS.fetch(name, "") : ""
      end

      def colorize(name, text)
        "#{color(name)}#{text}#{color(:reset)}"
      end

      def ruby_version
        RUBY_VERSION
      end

      def mcollective_version
        VERSION
      end

      def command_in_path?(command)
        ENV["PATH"].to_s.split(File::PATH_SEPARATOR).any? { |dir| File.exist?(File.join(dir, command)) }
      end

      # Compares versions as package managers write them, part by part.
      def versioncmp(a, b)
        parts = lambda { |v| v.scan(/[-.]|\d+|[^-.\d]+/) }
        left, right = parts.call(a), parts.call(b)
        until left.empty? || right.empty?
          x, y = left.shift, right.shift
          next if x == y
          ["-", "."].each do |mark|
            return -1 if x == mark
            return 1 if y == mark
          end
          both = [x, y].all? { |v| v =~ /\A\d+\z/ }
          return x.to_i <=> y.to_i if both && [x, y].none? { |v| v.start_with?("0") }
          return x.upcase <=> y.upcase
        end
        a <=> b
      end

      def absolute_path?(path, separator = File::SEPARATOR, other = File::ALT_SEPARATOR)
        marks = [separator, other].compact.map { |s| Regexp.escape(s) }.join
        !!(path =~ (other ? /\A(?:[a-zA-Z]:)?[#{marks}]/ : /\A[#{marks}]/))
      end

      def str_to_bool(value)
        case value.to_s.strip
        when /\A(1|yes|true|y|t)\z/i then true
        when /\A(0|no|false|n|f)\z/i then false
        else raise "Cannot convert string value '#{value.to_s.strip}' into a boolean."
        end
      end

      def templatepath(name)
        own = File.join(Config.instance.configdir, name)
        File.exist?(own) ? own : File.join("/etc/mcollective", name)
      end

      def align_text(text, *)
        text
      end

      def terminal_dimensions(*)
        [0, 0]
      end

      def setup_windows_sleeper; end

      private

      def matches?(list, wanted)
        return list.any? { |item| item =~ Regexp.new(wanted.delete("/")) } if wanted.start_with?("/")
        list.include?(wanted)
      end

      def compare(fact, value, operator)
        case operator
        when "=~" then !!(fact =~ Regexp.new(value[/\A\/(.+)\/\z/, 1] || value))
        when "==" then fact == value
        when "<=", ">=", "<", ">", "!="
          [[/\A\d+\z/, :Integer], [/\A\d+\.\d+\z/, :Float]].each do |form, type|
            next unless fact =~ form && value =~ form
            fact, value = Kernel.send(type, fact), Kernel.send(type, value)
            break
          end
          fact.public_send(operator, value)
        else false
        end
      end
    end
  end

  # A program that is run by the shell.
  class Shell
    MOST = 32 << 20 # bytes of output
    GRACE = 10      # seconds between TERM and KILL
    LONGEST = 3600  # seconds that a program without a timeout goes on when its thread has ended

    attr_reader :environment, :command, :status, :stdout, :stderr, :stdin, :cwd, :timeout

    def initialize(command, options = {})
      @command = command
      @environment = {"LC_ALL" => "C"}
      @stdout, @stderr = String.new, String.new
      @cwd = ::Dir.tmpdir
      options.each { |name, value| option(name.to_s, value) }
    end

    # The output goes through files, as in Ruby, so that a service which the program
    # started and that keeps them open holds up nobody.
    def runcommand
      files = [:in, :out, :err].map { |name| scratch(name) }
      input, output, errors = files
      input.write(@stdin) if @stdin
      input.rewind
      pid = spawn(:in => input, :out => output, :err => errors, :chdir => @cwd, :pgroup => true)
      waiter = ::Process.detach(pid)
      wait(waiter, pid, [output, errors])
      @status = waiter.value
      [[output, @stdout], [errors, @stderr]].each do |file, target|
        file.rewind
        target << file.read.force_encoding(Encoding.default_external)
      end
      @status
    ensure
      if waiter && waiter.alive? && !@timeout
        leave(waiter, pid, files)
      else
        finish(waiter, pid) if waiter && waiter.alive?
        close(files)
      end
    end

    private

    def option(name, value)
      case name
      when "stdout", "stderr"
        raise "#{name} should support <<" unless value.respond_to?(:<<)
        instance_variable_set("@#{name}", value)
      when "stdin"
        raise "stdin should be a String" unless value.is_a?(String)
        @stdin = value
      when "cwd"
        raise "Directory #{value} does not exist" unless ::File.directory?(value)
        @cwd = value
      when "environment"
        @environment = value ? @environment.merge(value).reject { |_, v| v.nil? } : {}
      when "timeout"
        unless value == :on_thread_exit || value.is_a?(Integer) && value > 0
          raise "timeout should be a positive integer or the symbol :on_thread_exit symbol"
        end
        @timeout = value
      end
    end

    # A program that cannot be started ends with 42, as in Ruby, and is no exception.
    def spawn(options)
      ::Process.spawn(environ, @command, options)
    rescue Errno::ENOENT, Errno::EACCES, Errno::ENOEXEC => e
      options[:err].puts(e.message)
      ::Process.spawn("exit 42", options)
    end

    def environ
      @environment.each_with_object({"LC_ALL" => nil}) { |(k, v), h| h[k.to_s] = v.to_s }
    end

    def scratch(name)
      file = ::Tempfile.new("mco-#{name}")
      file.unlink
      file.binmode
      file
    end

    def wait(waiter, pid, files)
      limit = ::Time.now + @timeout if @timeout.is_a?(Integer)
      pause = 0.001
      until waiter.join(pause)
        pause = [pause * 2, 0.2].min
        if files.any? { |file| file.size > MOST }
          finish(waiter, pid)
          raise "#{@command} was ended: it printed more than #{MOST} bytes"
        end
        finish(waiter, pid) if limit && ::Time.now > limit
      end
    end

    # Lets a program that has no timeout go on when its thread is ended, as Ruby
    # does: it may be one that installs packages.
    def leave(waiter, pid, files)
      limit = ::Time.now + LONGEST
      ::Thread.new do
        until waiter.join(1)
          finish(waiter, pid) if ::Time.now > limit || files.any? { |file| file.size > MOST }
        end
        close(files)
      end
    end

    def close(files)
      (files || []).each { |file| file.close unless file.closed? }
    end

    # Ends the program and what it started in its process group.
    def finish(waiter, pid)
      ::Process.kill("TERM", -pid)
      ::Process.kill("KILL", -pid) unless waiter.join(GRACE)
    rescue Errno::ESRCH, Errno::EPERM
      nil
    end
  end
end

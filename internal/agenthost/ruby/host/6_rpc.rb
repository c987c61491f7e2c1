module MCollective
  module RPC
    class Request
      attr_accessor :time, :action, :data, :sender, :agent, :uniqid, :caller, :ddl

      def initialize(message, ddl)
        body = message[:body]
        @time, @sender, @uniqid = message[:msgtime], message[:senderid], message[:requestid]
        @caller = message[:callerid] || "unknown"
        @action, @data, @agent = body[:action], body[:data], body[:agent]
        @ddl = ddl
      end

      def include?(key)
        @data.is_a?(Hash) && @data.include?(key)
      end

      def [](key)
        @data[key] if @data.is_a?(Hash)
      end

      def fetch(key, default)
        @data.fetch(key, default) if @data.is_a?(Hash)
      end

      def should_respond?
        true
      end

      def validate!
        @ddl.validate_rpc_request(@action, @data)
      end

      def to_hash
        {:agent => @agent, :action => @action, :data => @data}
      end

      def to_json(*args)
        to_hash.merge(:sender => @sender, :callerid => @caller, :uniqid => @uniqid).to_json(*args)
      end
    end

    class Reply
      attr_accessor :statuscode, :statusmsg, :data

      def initialize(action, ddl)
        @statuscode, @statusmsg, @data = 0, "OK", {}
        (ddl.action_interface(action)[:output] || {}).each do |name, output|
          @data[name] = Marshal.load(Marshal.dump(output[:default])) # an action may append to it
        end
      end

      def fail(message, code = 1)
        @statusmsg, @statuscode = message, code
      end

      def fail!(message, code = 1)
        self.fail(message, code)
        error = {1 => RPCAborted, 2 => UnknownRPCAction, 3 => MissingRPCData, 4 => InvalidRPCData}.fetch(code, UnknownRPCError)
        raise error, message
      end

      def [](key)
        @data[key]
      end

      def []=(key, value)
        @data[key] = value
      end

      def fetch(key, default)
        @data.fetch(key, default)
      end

      def to_hash
        {:statuscode => @statuscode, :statusmsg => @statusmsg, :data => @data}
      end
    end

    # A script that does the work of an action.
    class ActionRunner
      attr_reader :command, :agent, :action, :format, :stdout, :stderr, :request

      def initialize(command, request, format = :json)
        @request, @format = request, format
        @agent, @action = request.agent, request.action
        @command = path_to_command(command)
        @stdout, @stderr = String.new, String.new
      end

      def run
        raise RPCAborted, "Cannot execute #{self}" unless File.executable?(@command)
        question = Tempfile.new("mcollective_request")
        answer = Tempfile.new("mcollective_reply")
        question.write(@request.to_json)
        [question, answer].each(&:close)
        status = shell(question.path, answer.path).runcommand
        @stderr.each_line { |line| Log.error("#{self}: #{line.chomp}") }
        @stdout.each_line { |line| Log.info("#{self}: #{line.chomp}") }
        {:exitstatus => status.exitstatus || 1, :stdout => @stdout, :stderr => @stderr, :data => results(answer.path)}
      ensure
        [question, answer].compact.each(&:unlink)
      end

      def to_s
        "#{@agent}##{@action} command: #{@command}"
      end

      private

      def shell(question, answer)
        words = [@command, question, answer].map { |word| Shellwords.escape(word) }
        Shell.new(words.join(" "), :cwd => Dir.tmpdir, :stdout => @stdout, :stderr => @stderr,
                                   :environment => {"MCOLLECTIVE_REQUEST_FILE" => question, "MCOLLECTIVE_REPLY_FILE" => answer})
      end

      def results(path)
        JSON.parse(File.read(path)).each_with_object({}) { |(k, v), h| h[k.to_sym] = v }
      rescue SystemCallError, JSON::ParserError, NoMethodError
        {}
      end

      def path_to_command(command)
        return command if Util.absolute_path?(command)
        Host.find("agent", @agent, command) || command
      end
    end

    # What Ruby agents inherit from. There is a new one for each request.
    class Agent
      attr_accessor :reply, :request, :agent_name
      attr_reader :logger, :config, :timeout, :ddl, :meta

      class << self
        def action(name, &block)
          raise "Need to pass a body for the action" unless block
          define_method("#{name}_action", &block)
        end

        def actions
          public_instance_methods.map { |name| name.to_s[/\A(.+)_action\z/, 1] }.compact.sort
        end

        def activate_when(&block)
          define_singleton_method(:activate?, &block)
        end

        # The node has asked its configuration already.
        def activate?
          true
        end

        def metadata(*)
          Log.warn("Setting metadata in agents has been deprecated, DDL files are now being used for this information.")
        end

        def authorized_by(plugin)
          name = plugin.to_s.split("_").map(&:capitalize).join
          PluginManager.loadclass("MCollective::Util::#{name}") unless Util.const_defined?(name, false)
          judge = Util.const_get(name, false)
          define_method(:authorization_hook) { |request| judge.authorize(request) }
        end
      end

      def initialize
        @agent_name = self.class.to_s.split("::").last.downcase
        load_ddl
        @logger = Log.instance
        @config = Config.instance
        startup_hook
      end

      def load_ddl
        @ddl = DDL.new(@agent_name, :agent)
        @meta = @ddl.meta
        @timeout = @meta[:timeout] || 10
      end

      def handlemsg(message, connection)
        @request = Request.new(message, @ddl)
        @reply = Reply.new(@request.action, @ddl)
        begin
          @request.validate!
          authorization_hook(@request) if respond_to?(:authorization_hook)
          audit_request(@request, connection)
          before_processing_hook(message, connection)
          unless respond_to?("#{@request.action}_action")
            raise UnknownRPCAction, "Unknown action '#{@request.action}' for agent '#{@request.agent}'"
          end
          send("#{@request.action}_action")
        rescue Exception => e
          raise if e.is_a?(NoMemoryError)
          failed(e)
        end
        after_processing_hook
        @reply.to_hash
      end

      def startup_hook; end

      def before_processing_hook(_message, _connection); end

      def after_processing_hook; end

      # The node itself audits.
      def audit_request(_request, _connection); end

      private

      def failed(error)
        code = case error
               when RPCAborted then 1
               when UnknownRPCAction then 2
               when MissingRPCData then 3
               when InvalidRPCData, DDLValidationError then 4
               else 5
               end
        if code == 5
          Log.error("%s#%s failed: %s: %s\n\t%s" % [@agent_name, @request.action, error.class, error, (error.backtrace || []).first(10).join("\n\t")])
        end
        @reply.fail(error.to_s, code)
      end

      # Runs a command. Output goes to an output of the reply, named by a symbol, or
      # to whatever takes it by <<.
      def run(command, options = {})
        wanted = {}
        [:stdout, :stderr].each do |stream|
          next unless options.include?(stream)
          target = options[stream]
          target = reply[target] = String.new if target.is_a?(Symbol)
          reply.fail!("#{stream} should support << while calling run(#{command})") unless target.respond_to?(:<<)
          wanted[stream] = target
        end
        [:stdin, :cwd, :environment, :timeout].each { |name| wanted[name] = options[name] if options.include?(name) }
        shell = Shell.new(command, wanted)
        shell.runcommand
        wanted.values_at(:stdout, :stderr).each { |text| text.chomp! if options[:chomp] && text.is_a?(String) }
        shell.status.exitstatus
      end

      def validate(key, validation)
        raise MissingRPCData, "please supply a #{key} argument" unless @request.include?(key)
        Validator.validate(@request[key], validation)
      rescue ValidatorError => e
        raise InvalidRPCData, "Input #{key} did not pass validation: #{e.message}"
      end

      def shellescape(text)
        Util.shellescape(text)
      end

      def implemented_by(command, type = :json)
        result = ActionRunner.new(command, request, type).run
        reply.data.merge!(result[:data])
        reply.fail("Failed to run #{command}: #{result[:stderr]}", result[:exitstatus]) if result[:exitstatus] > 0
      rescue StandardError => e
        Log.warn("Unhandled #{e.class} exception during #{request.agent}##{request.action}: #{e}")
        reply.fail!("Unexpected failure calling #{command}: #{e.class}: #{e}")
      end
    end
  end
end

module MCollective
  module Agent
    class Exercise<RPC::Agent
      metadata :name => "old agents had this"

      activate_when do
        require 'mcollective/util/exercise/base'
        true
      end

      def startup_hook
        @started = "#{@agent_name} #{meta[:version]} #{@timeout}"
        @hooks = ["startup"]
      end

      def before_processing_hook(msg, connection)
        @hooks << "before #{msg[:senderid]}"
      end

      def after_processing_hook
        reply[:hooks] = @hooks + ["after"] if request.action == "request"
      end

      action "request" do
        reply[:seen] = {
          :name => request[:name], :count => request[:count], :has => [request.include?(:name), request.include?(:nothing)],
          :fetch => request.fetch(:nothing, "default"), :action => request.action, :agent => request.agent, :sender => request.sender,
          :caller => request.caller, :uniqid => request.uniqid, :time => request.time, :data => request.data.keys.map(&:to_s).sort,
          :started => @started, :actions => self.class.actions.include?("request"), :json => JSON.parse(request.to_json)["callerid"]
        }
      end

      action "run" do
        reply[:status] = run("echo out; echo err >&2; exit 3", :stdout => :out, :stderr => :err, :chomp => true)
        text, lines = "before ", []
        run("cat; echo $LC_ALL $EXTRA; pwd", :stdout => text, :stdin => "in ", :cwd => "/", :environment => {"EXTRA" => "more"})
        run("echo one", :stdout => lines)
        began = Time.now
        late = run("sleep 30", :timeout => 1)
        shell = Shell.new("exit 7")
        shell.runcommand
        reply[:more] = [text, lines, late, Time.now - began < 10, shell.status.exitstatus, run("echo ${LC_ALL-none}", :stdout => none = "", :environment => nil), none]
      end

      action "text" do
        case request[:how]
        when "text" then reply.data = "a text"
        when "nothing" then reply.data = nil
        when "each"
          reply[:lines] = []
          "one\ntwo\n".each { |line| reply[:lines] << line.chomp }
        end
      end

      action "texts" do
        reply.data = "a text"
      end

      action "fail" do
        reply[:before] = "set"
        case request[:how]
        when "softly" then reply.fail("softly", 4)
        when "aborted" then reply.fail!("aborted")
        when "unknown_action" then reply.fail!("unknown", 2)
        when "missing" then reply.fail!("missing", 3)
        when "invalid" then reply.fail!("invalid", 4)
        when "other" then reply.fail!("other", 17)
        when "error" then raise InvalidRPCData, "raised"
        when "exception" then raise "an exception"
        when "exit" then exit(1)
        when "method" then nil.upcase
        end
      end

      action "validate" do
        done = []
        done << [validate(:value, String), validate(:value, /b/), validate(:value, :shellsafe), validate(:value, 'a')] if request[:value] == "abc"
        validate :value, :ipv4address if request[:value].to_s =~ /\A\d/
        validate :value, ["abc", "abcba"] unless request[:value].to_s =~ /\A\d/
        validate :value, :palindrome if request[:value] == "abcba"
        reply[:result] = done.size
      end

      action "judged" do
        reply[:word] = request[:word]
      end

      action "node" do
        reply[:seen] = {
          :identity => config.identity, :instance => Config.instance.identity, :collectives => @config.collectives, :classesfile => config.classesfile,
          :plugin => config.pluginconf.fetch("exercise.key", "none"), :secret => config.pluginconf.include?("psk"), :libdir => config.libdir.size,
          :fact => Facts["role"], :same => [Util.get_fact("role"), PluginManager["facts_plugin"].get_fact("role"), Facts.get_fact("role")],
          :number => Facts["processors"], :structured => Facts["os"], :has => Util.has_fact?("role", "web", "=="), :more => Util.has_fact?("processors", "3", ">="),
          :class => [Util.has_cf_class?("apache"), Util.has_cf_class?("/^apa/"), Util.has_cf_class?("nginx")], :me => Util.has_identity?("/node/"),
          :agents => [Agents.include?("exercise"), Util.has_agent?("other")], :env => ENV.keys.grep(/MCO_RUBY/), :configfile => config.configfile
        }
      end

      action "helpers" do
        Cache.setup(:numbers, 60)
        Cache.write(:numbers, :one, 1)
        Log.debug("not to be seen")
        Log.info("an information")
        logger.warn("a warning")
        Log.instance.error("an error")
        reply[:seen] = [
          Util.shellescape("a b"), shellescape("it's"), Util.str_to_bool("yes"), Util.str_to_bool("0"), Util.versioncmp("1.10", "1.9"), Util.windows?,
          Util.command_in_path?("sh"), Util.absolute_path?("/a"), Util.parse_fact_string("a>=2")[:operator], Cache.read(:numbers, :one), Cache.synchronize(:numbers) { 5 },
          MCollective.version.split(".").first, Util.empty_filter?(Util.empty_filter), Util::Exercise::Base.new.word, Util::Exercise::Late.word,
          DDL.new("exercise", :agent).action_interface("request")[:input][:name][:maxlength], ddl.meta[:author], File.exists?("/"), Digest::MD5.hexdigest("a")[0, 4],
          Data.answers("a").size
        ]
      end

      action "script" do
        implemented_by "greet.sh"
      end

      action "values" do
        reply[:values] = {
          :symbol => :sym, "string" => "text", :int => 1, :big => 2**80, :float => 1.5, :nan => 0.0 / 0, :nil => nil, :bool => true,
          :list => [1, [2, {:deep => "er"}]], :time => Time.at(0).utc, :binary => "\xff\x00a".dup.force_encoding("BINARY"), :umlaut => "größe", :latin => "gr\xf6\xdfe".dup.force_encoding("ISO-8859-1"), 1 => 2
        }
      end

      action "sleep" do
        sleep request[:seconds]
        reply[:slept] = request[:seconds]
      end

      action "noise" do
        puts "on standard output"
        $stdout.print "{\"type\":\"reply\",\"id\":\"#{request.uniqid}\",\"data\":{\"printed\":\"forged\"}}\n"
        STDERR.puts "on standard error"
        system("echo from a child")
        reply[:printed] = "yes"
      end

      action "other" do
        reply[:answer] = [Agent::Other.answer, PluginManager["other_agent"].meta[:name], PluginManager.include?("nosuch_agent")]
      end

      action "child" do
        options = request[:ended] ? {:timeout => :on_thread_exit} : {}
        run("echo $$ >#{shellescape(request[:file])}; sleep 300", options)
      end

      action "quit" do
        exit!(9)
      end

      action "background" do
        child = fork { grandchild = fork { exec "true" }; ::Process.detach(grandchild) }
        ::Process.detach(child)
        pid = ::Process.spawn("sleep 300", :out => :close)
        ::Process.detach(pid)
        reply[:pid] = pid
      end
    end
  end
end

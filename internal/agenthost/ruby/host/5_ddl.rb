module MCollective
  # What plugins say of themselves. The node has read it; here it is as Ruby shows it.
  module DDL
    def self.new(name, kind = :agent, *)
      Definition.new(name.to_s, kind.to_sym)
    end

    def self.string_to_boolean(text)
      case text.downcase
      when "true", "t", "yes", "y", "1" then true
      when "false", "f", "no", "n", "0" then false
      else raise "#{text} does not look like a boolean argument"
      end
    end

    def self.string_to_number(text)
      case text
      when /\A\d+\.\d+\z/ then text.to_f
      when /\A\d+\z/ then text.to_i
      else raise "#{text} does not look like a number"
      end
    end

    class Definition
      attr_reader :meta, :entities, :pluginname, :plugintype, :requirements, :unjudged

      def initialize(name, kind)
        told = (Host.setup["definitions"] || {})["#{kind}/#{name.sub(/_data\z/, "")}"]
        raise "Can't find DDL for #{kind} plugin '#{name}'" unless told
        @pluginname, @plugintype, @requirements = name, kind, {}
        @meta = symbols(told["meta"])
        @unjudged = told["unjudged"] || {}
        @entities = {}
        (told["actions"] || {}).each { |action, interface| @entities[action] = entity(action, interface) }
        @entities[:data] = entity("data", told["data"]) if told["data"]
      end

      def actions
        @entities.keys.grep(String).sort
      end

      def action_interface(name)
        @entities[name] || {}
      end

      def dataquery_interface
        @entities[:data] || {}
      end

      def is_function?(_name)
        false
      end

      # The node has judged the request, but for what validators of the libdir say.
      def validate_rpc_request(action, data)
        (@unjudged[action] || {}).each do |input, validator|
          key = input.to_sym
          next unless data.include?(key)
          begin
            Validator.validate(data[key], validator.to_sym)
          rescue ValidatorError => e
            raise DDLValidationError, "Cannot validate input #{input}: #{e.message}"
          end
        end
        true
      end

      private

      def entity(name, interface)
        {
          :action => name, :description => interface["description"], :display => (interface["display"] || "failed").to_sym,
          :input => members(interface["input"]), :output => members(interface["output"])
        }
      end

      def members(told)
        (told || {}).each_with_object({}) do |(name, about), h|
          about = symbols(about)
          [:type, :validation].each { |k| about[k] = about[k].to_sym if about[k].is_a?(String) && (k == :type || about.delete(:validator)) }
          h[name.to_sym] = about
        end
      end

      def symbols(hash)
        (hash || {}).each_with_object({}) { |(k, v), h| h[k.to_sym] = v }
      end
    end
  end

  # Validators: ours, and those of the libdirs, which are loaded by name.
  module Validator
    class << self
      def validate(value, validation)
        case validation
        when :integer, :boolean, :float, :number, :string then typecheck(value, validation)
        when Regexp, String then regex(value, validation)
        when Symbol then self[validation].validate(value)
        when Array then array(value, validation)
        when Class then typecheck(value, validation)
        end
      rescue StandardError => e
        raise ValidatorError, e.to_s
      end

      def [](name)
        klass = name.to_s =~ /Validator\z/ ? name.to_s : validator_class(name)
        plugin = klass.sub(/Validator\z/, "").downcase
        path = Host.find("validator", "#{plugin}.rb") || Host.find("validator", "#{plugin}_validator.rb") unless const_defined?(klass, false)
        require path if path
        raise ValidatorError, "Unknown validator: '#{name}'." unless const_defined?(klass, false)
        const_get(klass, false)
      end

      def has_validator?(name)
        !!self[name]
      rescue ValidatorError
        false
      end

      def validator_class(name)
        "#{name.to_s.capitalize}Validator"
      end

      def load_validators; end

      def method_missing(name, *args, &block)
        return super if name.to_s.start_with?("to_")
        self[name].validate(*args)
      end

      def respond_to_missing?(name, *)
        has_validator?(name)
      end
    end

    module ArrayValidator
      def self.validate(value, list)
        raise ValidatorError, "value should be one of #{list.join(", ")}" unless list.include?(value)
      end
    end

    module LengthValidator
      def self.validate(value, most)
        raise ValidatorError, "Input string is longer than #{most} character(s)" if most > 0 && value.size > most
      end
    end

    module RegexValidator
      def self.validate(value, pattern)
        raise ValidatorError, "value should match #{pattern}" unless value.match(pattern)
      end
    end

    module ShellsafeValidator
      def self.validate(value)
        raise ValidatorError, "value should be a String" unless value.is_a?(String)
        ["`", "$", ";", "|", "&&", ">", "<"].each { |mark| raise ValidatorError, "value should not have #{mark} in it" if value.include?(mark) }
      end
    end

    module TypecheckValidator
      TYPES = {
        :integer => lambda { |v| v.is_a?(Integer) }, :float => lambda { |v| v.is_a?(Float) }, :number => lambda { |v| v.is_a?(Numeric) },
        :string => lambda { |v| v.is_a?(String) }, :boolean => lambda { |v| v == true || v == false }
      }

      def self.validate(value, type)
        good = type.is_a?(Class) ? value.is_a?(type) : TYPES.fetch(type).call(value)
        raise ValidatorError, "value should be a #{type}" unless good
      end
    end

    { :Ipv4address => [:ipv4?, "ipv4 address"], :Ipv6address => [:ipv6?, "ipv6 address"] }.each do |name, (test, words)|
      const_set("#{name}Validator", Module.new do
        define_singleton_method(:validate) do |value|
          good = begin
            IPAddr.new(value).public_send(test)
          rescue StandardError
            false
          end
          raise ValidatorError, "value should be an #{words}" unless good
        end
      end)
    end
  end
end

module MCollective
  module Data
    class Answers_data<Base
      activate_when { PluginManager['other_agent'] }

      query do |what|
        raise "it does not want to" if what == "refuse"
        sleep 60 if what == "hang"
        result[:size] = what.to_s.size + Agent::Other.answer - 42
        result[:even] = result[:size].even?
        result[:text] = nil if what == "nil"
      end
    end
  end
end

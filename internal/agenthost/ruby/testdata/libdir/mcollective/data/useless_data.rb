module MCollective
  module Data
    class Useless_data<Base
      activate_when { PluginManager['nosuch_agent'] }
      query { |what| result[:size] = 0 }
    end
  end
end

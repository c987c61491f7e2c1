module MCollective
  module Util
    module Exercise
      class Base
        def word
          PluginManager.loadclass("MCollective::Util::Exercise::Late")
          "base"
        end
      end
    end
  end
end

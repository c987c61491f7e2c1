module MCollective
  module Util
    module Exercise
      class Late<Base
        def self.word
          "late"
        end
      end
    end
  end
end

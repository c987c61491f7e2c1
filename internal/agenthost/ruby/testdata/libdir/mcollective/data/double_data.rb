module MCollective
  module Data
    class Double_data<Base
      query { |what| result[:size] = what * 2 }
    end
  end
end

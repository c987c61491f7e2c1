module MCollective
  module Validator
    class PalindromeValidator
      def self.validate(word)
        Validator.typecheck(word, :string)
        raise "'%s' is another word backwards" % word unless word == word.reverse
      end
    end
  end
end

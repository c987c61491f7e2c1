module MCollective
  class Util::ExercisePolice
    def self.authorize(request)
      raise RPCAborted, "You are not authorized to call this agent or action." unless request.caller == "uid=0"
    end
  end
end

module MCollective
  module Agent
    class Guarded<RPC::Agent
      authorized_by :exercise_police

      action "try" do
        reply[:answer] = "let in"
      end
    end
  end
end

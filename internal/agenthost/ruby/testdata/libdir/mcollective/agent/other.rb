class MCollective::Agent::Other < MCollective::RPC::Agent
  def self.answer
    42
  end

  def try_action
    reply.data[:answer] = self.class.answer
    reply.statusmsg = "fine"
  end
end

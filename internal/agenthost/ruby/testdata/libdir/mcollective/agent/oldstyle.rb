class MCollective::Agent::Oldstyle
  def handlemsg(msg, connection)
  end
end

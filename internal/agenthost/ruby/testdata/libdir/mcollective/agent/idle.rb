class MCollective::Agent::Idle < MCollective::RPC::Agent
  activate_when { File.exist?("/no/such/thing") }
end
